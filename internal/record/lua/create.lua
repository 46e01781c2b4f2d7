-- KEYS: record. ARGV: fingerprint, action, request, now by the clock of who asks (ms), then the names and values of the fields that only
-- some records have: process_at (ms), deadline (ms), undoing, undoes, account, callback, traceparent, tracestate, change,
-- order.
-- Returns verdict, fingerprint, state, delivery, process_at (0 for at once) of what was there; 0 where the record is new.
return found or 0
