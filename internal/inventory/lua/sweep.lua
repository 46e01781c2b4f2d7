-- ARGV[4]: how much at most. Returns how much it did.
return tidy(tonumber(ARGV[4]), tonumber(ARGV[4]))
