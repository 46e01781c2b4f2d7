-- ARGV[3]: how much at most. Returns how much it did.
return tidy(tonumber(ARGV[3]), tonumber(ARGV[3]))
