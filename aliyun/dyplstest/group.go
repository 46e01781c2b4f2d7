package dyplstest

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Limits of groups, by the help pages of CreateAxgGroup and OperateAxgGroup.
const (
	maxGroups       = 2000 // of a pool
	maxGroupNumbers = 200  // of a call, and of a group that is overwritten
	maxGroupName    = 128
	maxGroupRemark  = 256
	firstGroup      = 2_000_000_000_001
)

// group is an AXG group.
type group struct {
	// everyone is in a group that nobody made: one of a pool whose Groups are nil.
	everyone bool
	members  map[dypls.Phone]struct{}
}

func newGroup(numbers []dypls.Phone) *group {
	g := &group{members: map[dypls.Phone]struct{}{}}
	g.add(numbers)
	return g
}

func (g *group) add(numbers []dypls.Phone) {
	for _, number := range numbers {
		g.members[number] = struct{}{}
	}
}

func (g *group) has(person dypls.Phone) bool {
	if g == nil {
		return false
	}
	_, there := g.members[person]
	return there || g.everyone
}

// group finds a group, nil for none.
func (p *pool) group(id string) *group {
	if g := p.groups[id]; g != nil {
		return g
	}
	if p.Groups == nil && isGroupID(id) && !p.deleted[id] {
		return &group{everyone: true}
	}
	return nil
}

// hasGroup reports whether a group exists and has members.
func (p *pool) hasGroup(id string) bool {
	g := p.group(id)
	return g != nil && (g.everyone || len(g.members) > 0)
}

// groupPool finds the pool of a request about groups, which only pools for AXG have.
func (s *service) groupPool(p parameters) (*pool, *answer) {
	pool, refusal := s.pool(p)
	if refusal == nil && !pool.isFor("BindAxg") {
		a := serviceAnswer("isv.FORBIDDEN_ACTION", "the pool is not for AXG")
		refusal = &a
	}
	return pool, refusal
}

// theGroup finds the pool and the group that a request names. What a group that is not there is
// answered with is not documented.
func (s *service) theGroup(p parameters) (*pool, *group, *answer) {
	pool, refusal := s.groupPool(p)
	if refusal != nil {
		return nil, nil, refusal
	}
	g := pool.group(p.get("GroupId"))
	if g == nil {
		return nil, nil, illegal("the group does not exist")
	}
	return pool, g, nil
}

// groupNumbers reads the numbers of a request about a group.
func groupNumbers(p parameters) ([]dypls.Phone, *answer) {
	text := p.get("Numbers")
	if text == "" {
		return nil, nil
	}
	texts := strings.Split(text, ",")
	if len(texts) > maxGroupNumbers {
		return nil, illegal("numbers are more than 200")
	}
	numbers := make([]dypls.Phone, len(texts))
	for i, one := range texts {
		if !isDialable(one) {
			return nil, illegalNumber("numbers")
		}
		numbers[i] = dypls.Phone(one)
	}
	return numbers, nil
}

func createGroup(s *service, p parameters) answer {
	pool, refusal := s.groupPool(p)
	if refusal != nil {
		return *refusal
	}
	switch {
	case utf8.RuneCountInString(p.get("Name")) > maxGroupName:
		return *illegal("name is too long")
	case utf8.RuneCountInString(p.get("Remark")) > maxGroupRemark:
		return *illegal("remark is too long")
	case len(pool.groups) >= maxGroups:
		return *illegal("the pool has 2000 groups")
	}
	numbers, refusal := groupNumbers(p)
	if refusal != nil {
		return *refusal
	}
	id := s.account.newGroupID()
	pool.groups[strconv.FormatInt(id, 10)] = newGroup(numbers)
	return ok(fields{GroupID: id})
}

// newGroupID returns a number that no group of the account has.
func (a *owned) newGroupID() int64 {
	for taken := true; taken; {
		a.lastGroup = max(a.lastGroup+1, firstGroup)
		taken = false
		for _, pool := range a.pools {
			taken = taken || pool.groups[strconv.FormatInt(a.lastGroup, 10)] != nil
		}
	}
	return a.lastGroup
}

// operateGroup changes who is in a group. One that nobody made has the members from then on that it
// was given.
func operateGroup(s *service, p parameters) answer {
	pool, g, refusal := s.theGroup(p)
	if refusal != nil {
		return *refusal
	}
	numbers, refusal := groupNumbers(p)
	if refusal != nil {
		return *refusal
	}
	if g.everyone {
		g = newGroup(nil)
	}
	switch p.get("OperateType") {
	case dypls.AddNumbers:
		g.add(numbers)
	case dypls.DeleteNumbers:
		for _, number := range numbers {
			delete(g.members, number)
		}
	case dypls.OverwriteNumbers:
		if len(g.members) > maxGroupNumbers {
			return *illegal("the group has more than 200 numbers")
		}
		g = newGroup(numbers)
	default:
		return *illegal("operateType illegal")
	}
	pool.groups[p.get("GroupId")] = g
	return ok(fields{})
}

// deleteGroup deletes a group that no binding names. Its page says that one with bindings cannot be
// deleted, and not by which code.
func deleteGroup(s *service, p parameters) answer {
	pool, _, refusal := s.theGroup(p)
	if refusal != nil {
		return *refusal
	}
	id := p.get("GroupId")
	for _, b := range s.account.due {
		if b.GroupID == id && b.number.pool == pool {
			return serviceAnswer("isv.FORBIDDEN_ACTION", "the group has bindings")
		}
	}
	delete(pool.groups, id)
	pool.deleted[id] = true
	return ok(fields{})
}
