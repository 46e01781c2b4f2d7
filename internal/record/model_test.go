package record_test

import "github.com/seed-5c07c2e9/dyplsq/internal/record"

// model says in plain Go what the scripts must do to one record. Fences count from 1 here.
type model struct {
	state                      record.State
	run                        string
	lapsed                     bool
	fence, answered            int
	attempts, calls            int
	crashes, lookCrashes       int
	doubt, mayHaveRun, suspect bool
	looks                      int
	refusal, subsID            string
	surplus                    map[string]bool // by SubsId
	resolved                   bool
	steps                      []record.StepKind
	repeatable                 bool
	maxAttempts, mostCrashing  int
}

func (m *model) out() bool { return m.state == record.Calling || m.state == record.Looking }

func (m *model) begin(run string) (record.BeginVerdict, int) {
	switch {
	case m.state == "":
		return record.Unknown, 0
	case m.state.Told(), !m.out() && m.run == run:
		return record.Finished, 0
	case m.out() && m.run == run:
		m.lapsed = false
		return m.leave(), m.fence
	case m.out() && !m.lapsed:
		return record.Busy, 0
	case m.out():
		called := m.state == record.Calling
		if called {
			m.crashes++
		} else {
			m.lookCrashes++
		}
		m.note(map[bool]record.StepKind{true: record.StepCut, false: record.StepCutLook}[called])
		m.mayHaveRun = m.mayHaveRun || called
		if m.crashes >= m.mostCrashing && called || m.lookCrashes >= 4*m.mostCrashing || m.repeatable && called && m.attempts >= m.maxAttempts {
			m.state, m.run = record.Uncertain, run
			if m.repeatable {
				m.state = record.Failed
			}
			return record.Settled, 0
		}
		if called && !m.repeatable {
			m.doubt, m.looks = true, 0
		}
	}
	m.fence, m.run, m.lapsed = m.fence+1, run, false
	m.state = record.Looking
	if !m.doubt {
		m.state, m.attempts, m.calls = record.Calling, m.attempts+1, m.calls+1
	}
	return m.leave(), m.fence
}

func (m *model) leave() record.BeginVerdict {
	if m.state == record.Looking {
		return record.Look
	}
	return record.Go
}

func (m *model) finish(fence int, e record.Ending) record.FinishVerdict {
	switch ok := e.State == record.Succeeded; {
	case m.state == "":
		return record.Gone
	case ok && m.state == record.Succeeded && m.subsID == e.SubsID:
		return record.Again
	case ok && m.surplus[e.SubsID]:
		return record.Surplus
	case ok && (m.state == record.Succeeded || m.state == record.Failed):
		if m.surplus == nil {
			m.surplus = map[string]bool{}
		}
		m.surplus[e.SubsID] = true
		return record.Surplus
	case ok:
		if len(m.steps) > 0 {
			m.note(m.kindOf(fence))
		}
		m.state, m.run, m.subsID = record.Succeeded, "", e.SubsID
		return record.Done
	case m.state == record.Succeeded:
		return record.Stale
	case m.answered == fence:
		return record.Again
	case !m.out() || m.fence != fence:
		return record.Stale
	}
	m.note(m.kindOf(fence))
	if m.state == record.Calling {
		m.attempts -= 1 - bit(e.Counts)
		m.calls -= 1 - bit(e.Sent)
	}
	m.state, m.answered = e.State, fence
	m.mayHaveRun, m.suspect = m.mayHaveRun || e.MayHaveRun, m.suspect || e.Suspect
	if e.State == record.Waiting {
		m.crashes, m.lookCrashes = 0, 0
		m.keep(e)
	}
	return record.Done
}

func (m *model) keep(e record.Ending) {
	switch e.Doubt {
	case record.DoubtCall:
		m.doubt, m.looks = true, 0
	case record.DoubtRefusal:
		m.doubt, m.looks, m.refusal = true, 0, e.Code
	case record.DoubtAbsent:
		m.looks++
	case record.DoubtCleared:
		m.doubt, m.looks, m.refusal = false, 0, ""
	default:
	}
}

// again lets an uncertain task run again.
func (m *model) again() record.State {
	if m.state == record.Queued && m.resolved {
		return record.Uncertain
	}
	if m.state != record.Uncertain {
		return m.state
	}
	m.note(record.StepResolved)
	m.state, m.crashes, m.lookCrashes, m.suspect, m.resolved = record.Queued, 0, 0, true, true
	m.keep(record.Ending{Doubt: record.DoubtCleared})
	return record.Uncertain
}

// reopen lets a failed task run again.
func (m *model) reopen() {
	m.note(record.StepReopened)
	m.state, m.attempts, m.crashes, m.lookCrashes = record.Queued, 0, 0, 0
	m.mayHaveRun, m.suspect, m.resolved = false, false, false
	m.keep(record.Ending{Doubt: record.DoubtCleared})
}

// note appends a step, of which only the latest are kept.
func (m *model) note(kind record.StepKind) {
	m.steps = append(m.steps, kind)
	m.steps = m.steps[max(0, len(m.steps)-record.MaxSteps):]
}

// kindOf is what a run was that tells its end.
func (m *model) kindOf(fence int) record.StepKind {
	switch {
	case m.fence != fence || !m.out():
		return record.StepLate
	case m.state == record.Calling:
		return record.StepCall
	}
	return record.StepLook
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
