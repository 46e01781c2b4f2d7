package dyplstest

import (
	"container/heap"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Binding is one binding as the simulated service knows it.
type Binding struct {
	SubsID   string
	Action   string // that made it, such as BindAxn
	PoolKey  string
	PhoneNoA dypls.Phone
	// PhoneNoB is B. Where an AXN bind named none, it is the number of 13 digits, of nobody, that the
	// service invents.
	PhoneNoB           dypls.Phone
	PhoneNoX           dypls.Phone
	Extension          string // of a BindAxnExtension
	GroupID            string // of a BindAxg
	CreatedAt          time.Time
	ExpiresAt          time.Time
	OutID              string
	OutOrderID         string
	CallRestrict       string
	CallDisplayType    string
	IsRecordingEnabled bool
	ASRStatus          bool
	ASRModelID         string
}

// binding is a [Binding] in its place.
type binding struct {
	Binding
	kind    kind
	number  *number
	expired bool
	index   int // in the dueQueue
}

// dueQueue holds the active bindings as a heap, the next to expire first.
type dueQueue []*binding

func (q *dueQueue) add(b *binding)    { heap.Push(q, b) }
func (q *dueQueue) remove(b *binding) { heap.Remove(q, b.index) }

// move puts a binding whose expiry has changed in its place.
func (q *dueQueue) move(b *binding) { heap.Fix(q, b.index) }

func (q *dueQueue) next() *binding {
	if len(*q) == 0 {
		return nil
	}
	return (*q)[0]
}

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (q *dueQueue) Len() int           { return len(*q) }
func (q *dueQueue) Less(i, j int) bool { return (*q)[i].ExpiresAt.Before((*q)[j].ExpiresAt) }

func (q *dueQueue) Swap(i, j int) {
	all := *q
	all[i], all[j] = all[j], all[i]
	all[i].index, all[j].index = i, j
}

// Push implements [heap.Interface].
func (q *dueQueue) Push(x any) {
	b := x.(*binding) //nolint:forcetypeassert // only add pushes
	b.index = len(*q)
	*q = append(*q, b)
}

// Pop implements [heap.Interface].
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	b := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return b
}
