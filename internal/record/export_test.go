package record

import "context"

// IndexKey is the shard of the index that lists a task.
func IndexKey(id string) string { return indexKey(shardOf(id)) }

// CatalogKey is the shard of the catalog that lists a task.
func CatalogKey(id string) string { return catalogKey(shardOf(id)) }

// Leave leaves an outcome to a store's teller.
func Leave(s Store, id string, state State) { s.tell(context.Background(), Open{ID: id, State: state}) }
