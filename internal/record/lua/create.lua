-- KEYS: record. ARGV: fingerprint, action, request, process_at, now by the clock of who asks (ms), then the names and values of the fields
-- that only some records have: deadline (ms), undoing, undoes, account, callback, traceparent, tracestate, change,
-- order.
-- Returns verdict, fingerprint, state, delivery, process_at of what was there; 0 where the record is new.
return found or 0
