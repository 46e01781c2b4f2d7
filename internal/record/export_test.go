package record

// IndexKey is the shard of the index that lists a task.
func IndexKey(id string) string { return indexKey(shardOf(id)) }
