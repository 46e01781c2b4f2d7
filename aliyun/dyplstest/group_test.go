package dyplstest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// axgWorld makes groups and uses them.
type axgWorld struct{ bench }

func (w axgWorld) create(numbers ...dypls.Phone) string {
	w.t.Helper()
	g, err := dypls.CreateAXGGroup.Call(w.t.Context(), w, dypls.CreateAXGGroupRequest{PoolKey: dyplstest.DefaultPoolKey, Name: "team", Numbers: numbers})
	wantCode(w.t, "create", "", err)
	return g.GroupID
}

func (w axgWorld) operate(code, id, kind string, numbers ...dypls.Phone) {
	w.t.Helper()
	_, err := dypls.OperateAXGGroup.Call(w.t.Context(), w, dypls.OperateAXGGroupRequest{
		PoolKey: dyplstest.DefaultPoolKey, GroupID: id, OperateType: kind, Numbers: numbers,
	})
	wantCode(w.t, kind, code, err)
}

func (w axgWorld) remove(code, id string) {
	w.t.Helper()
	_, err := dypls.DeleteAXGGroup.Call(w.t.Context(), w, dypls.DeleteAXGGroupRequest{PoolKey: dyplstest.DefaultPoolKey, GroupID: id})
	wantCode(w.t, "delete", code, err)
}

// reach tells who of some callers gets through to a binding.
func (w axgWorld) reach(subsID string, callers ...dypls.Phone) []dypls.Phone {
	w.t.Helper()
	var through []dypls.Phone
	for _, caller := range callers {
		if _, err := w.PlaceCall(dyplstest.Dial{SubsID: subsID, Caller: caller}); err == nil {
			through = append(through, caller)
		} else if !errors.Is(err, dyplstest.ErrNoBinding) {
			w.t.Error(err)
		}
	}
	return through
}

// A group that was made is one to bind for, its members alone get through, and who they are can be
// changed while it is bound.
func TestGroupsAreMadeAndUsed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]dyplstest.Config{"pool with groups": twoPools(), "pool without": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n1, n2, n3 dypls.Phone = "15000000011", "15000000012", "95013"
			w := axgWorld{setup(t, config)}
			empty, id := w.create(), w.create(n1)
			if empty == id || len(id) < 10 {
				t.Errorf("groups %s and %s", empty, id)
			}
			w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": empty}))
			subs := w.want("OK", "BindAxg", w.axn(params{"GroupId": id})).SecretBindDTO.SubsId
			check := func(what string, want ...dypls.Phone) {
				t.Helper()
				if diff := cmp.Diff(want, w.reach(subs, n1, n2, n3)); diff != "" {
					t.Errorf("%s, who gets through (-want +got):\n%s", what, diff)
				}
			}
			check("made", n1)
			w.operate("", id, dypls.AddNumbers, n2, n1)
			check("added", n1, n2)
			w.operate("", id, dypls.DeleteNumbers, n1, n3)
			check("deleted", n2)
			w.operate("", id, dypls.OverwriteNumbers, n3, n1)
			check("overwritten", n1, n3)

			w.remove("isv.FORBIDDEN_ACTION", id) // it is bound
			w.want("OK", "UnbindSubscription", params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "SecretNo": string(w.Calls()[0].SecretNo)})
			w.remove("", id)
			w.remove("isv.ILLEGAL_ARGUMENT", id) // it is gone
			w.operate("isv.ILLEGAL_ARGUMENT", id, dypls.AddNumbers, n1)
			w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": id}))
			w.operate("", empty, dypls.AddNumbers, n1)
			w.want("OK", "BindAxg", w.axn(params{"GroupId": empty}))
		})
	}
}

// A group that no call made has everybody in it, until a call says who is.
func TestGroupsThatNobodyMade(t *testing.T) {
	t.Parallel()
	w := axgWorld{setup(t, dyplstest.Config{})}
	subs := w.want("OK", "BindAxg", w.axn(params{"GroupId": "7"})).SecretBindDTO.SubsId
	if got := w.reach(subs, phoneB, stranger); len(got) != 2 {
		t.Errorf("only %v get through to a group of everybody", got)
	}
	w.operate("", "7", dypls.AddNumbers, stranger)
	if diff := cmp.Diff([]dypls.Phone{stranger}, w.reach(subs, phoneB, stranger)); diff != "" {
		t.Errorf("who gets through (-want +got):\n%s", diff)
	}
	w.remove("", "8")
	w.want("isv.ILLEGAL_ARGUMENT", "BindAxg", w.axn(params{"GroupId": "8"}))
}

func TestLimitsOfGroups(t *testing.T) {
	t.Parallel()
	many := func(from, n int) string {
		var numbers []string
		for _, x := range dyplstest.Numbers("150", from+n)[from:] {
			numbers = append(numbers, string(x))
		}
		return strings.Join(numbers, ",")
	}
	w := axgWorld{setup(t, twoPools())}
	make200 := params{"PoolKey": dyplstest.DefaultPoolKey, "Numbers": many(0, 200)}
	w.want("OK", "CreateAxgGroup", make200)
	id := w.create()
	operate := params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": id, "OperateType": "addNumbers", "Numbers": many(0, 200)}
	for i, step := range []struct {
		action string
		p      params
		code   string
	}{
		{"CreateAxgGroup", make200.with(params{"Numbers": many(0, 201)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"Numbers": "150,"}), "isv.MOBILE_NUMBER_ILLEGAL"},
		{"CreateAxgGroup", make200.with(params{"Name": strings.Repeat("组", 128), "Remark": strings.Repeat("组", 256)}), "OK"},
		{"CreateAxgGroup", make200.with(params{"Name": strings.Repeat("组", 129)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"Remark": strings.Repeat("组", 257)}), "isv.ILLEGAL_ARGUMENT"},
		{"CreateAxgGroup", make200.with(params{"PoolKey": otherKey}), "isv.FORBIDDEN_ACTION"}, // for AXB alone
		{"CreateAxgGroup", make200.with(params{"PoolKey": "FC9"}), "isv.POOLKEY_NOT_EXISTS"},
		{"CreateAxgGroup", params{}, "MissingPoolKey"},
		{"OperateAxgGroup", operate.with(params{"Numbers": many(0, 201)}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"Numbers": "x"}), "isv.MOBILE_NUMBER_ILLEGAL"},
		{"OperateAxgGroup", operate.with(params{"OperateType": "swapNumbers"}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"GroupId": "99"}), "isv.ILLEGAL_ARGUMENT"},
		{"OperateAxgGroup", operate.with(params{"GroupId": "g"}), "InvalidGroupId"},
		{"OperateAxgGroup", operate.with(params{"Numbers": ""}), "MissingNumbers"},
		{"OperateAxgGroup", operate, "OK"},
		{"OperateAxgGroup", operate.with(params{"OperateType": "overwriteNumbers", "Numbers": "95013"}), "OK"},
		{"OperateAxgGroup", operate, "OK"},
		// 201 numbers are in it now: too many to be overwritten
		{"OperateAxgGroup", operate.with(params{"OperateType": "overwriteNumbers", "Numbers": "95013"}), "isv.ILLEGAL_ARGUMENT"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey}, "MissingGroupId"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": "99"}, "isv.ILLEGAL_ARGUMENT"},
		{"DeleteAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey, "GroupId": id}, "OK"},
	} {
		if a := w.call(step.action, step.p); a.Code != step.code {
			t.Errorf("step %d, %s: %s, want %s", i, step.action, a.Body, step.code)
		}
	}
	for made := 4; made < 2000; made++ { // two of the Config, two of the steps
		w.create()
	}
	w.want("isv.ILLEGAL_ARGUMENT", "CreateAxgGroup", params{"PoolKey": dyplstest.DefaultPoolKey})
}
