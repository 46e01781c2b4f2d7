package contender

import "sync"

// mailbox hands news to those who wait for them.
type mailbox[ID comparable] struct {
	once    sync.Once
	mu      sync.Mutex
	waiting map[ID]chan struct{}
}

func newMailbox[ID comparable]() *mailbox[ID] {
	return &mailbox[ID]{waiting: map[ID]chan struct{}{}}
}

// listen starts what tells the news, once.
func (m *mailbox[ID]) listen(hear func(told func(id ID))) {
	m.once.Do(func() { go hear(m.told) })
}

// expect returns what is closed when there are news of an id.
func (m *mailbox[ID]) expect(id ID) <-chan struct{} {
	arrived := make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[id] = arrived
	return arrived
}

func (m *mailbox[ID]) told(id ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if arrived, waiting := m.waiting[id]; waiting {
		close(arrived)
		delete(m.waiting, id)
	}
}

// expected are the ids that are waited for.
func (m *mailbox[ID]) expected() []ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]ID, 0, len(m.waiting))
	for id := range m.waiting {
		ids = append(ids, id)
	}
	return ids
}
