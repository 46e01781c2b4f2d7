package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// markedGroups are the fates, in shares of a thousand.
func markedGroups(many int) []markedGroup {
	bindMarked := func(more string) func(int) string {
		return func(n int) string {
			return fmt.Sprintf(`"PoolKey":%q,"PhoneNoA":%q,"PhoneNoB":%q,"Expiration":"2099-01-31 23:59:59"%s`,
				dyplstest.DefaultPoolKey, markedNumber("139", n), markedNumber("138", n), strings.ReplaceAll(more, "NNN", fmt.Sprintf("%03d", n)))
		}
	}
	said := func(n int) string { // as the API may say it
		return fmt.Sprintf("no number for +86%s and 86-%s on %s", markedNumber("139", n), markedNumber("138", n), markedNumber("170", n))
	}
	whole := func(fault dyplstest.Fault) func(int) dyplstest.Fault {
		return func(n int) dyplstest.Fault {
			fault := fault
			fault.Match = map[string]string{"PhoneNoA": markedNumber("139", n)}
			if fault.Code != "" {
				fault.Message = said(n)
			}
			if fault.Do == dyplstest.Garbage {
				fault.Body = "<html>" + said(n) + "</html>"
			}
			return fault
		}
	}
	recording := func(at time.Time) func(int) string {
		called := at.In(time.FixedZone("", 8*60*60)).Format(time.DateTime)
		return func(n int) string {
			return fmt.Sprintf(`"PoolKey":%q,"CallId":"call-%s","CallTime":%q`, dyplstest.DefaultPoolKey, markedNumber("139", n), called)
		}
	}
	onX := func(more string) func(int) string {
		return func(n int) string {
			return fmt.Sprintf(`"PoolKey":%q,"SubsId":"999%d",`+more, dyplstest.DefaultPoolKey, n, markedNumber("170", n))
		}
	}
	busy := bindMarked(`,"PhoneNoX":"170` + markerDigits + `NNN"`)
	slow := dyplstest.Fault{Do: dyplstest.Slow, Delay: 9 * time.Second, Performed: true}
	groups := []markedGroup{
		{fate: "binds", action: "BindAxn", tasks: 334, request: bindMarked(""), state: tasks.StateSucceeded},
		{fate: "pairs", action: "BindAxb", tasks: 50, request: bindMarked(""), state: tasks.StateSucceeded},
		{fate: "retries", action: "BindAxn", tasks: 150, request: bindMarked(""), state: tasks.StateSucceeded,
			fault: whole(dyplstest.Fault{Code: "isp.SYSTEM_ERROR", First: 1})},
		{fate: "fails", action: "BindAxn", tasks: 120, request: bindMarked(`,"OutOrderId":"of 139` + markerDigits + `NNN"`), state: tasks.StateFailed,
			fault: whole(dyplstest.Fault{Code: "isv.NO_AVAILABLE_NUMBER"})},
		{fate: "unheard-of", action: "BindAxn", tasks: 20, request: bindMarked(""), state: tasks.StateFailed,
			fault: func(n int) dyplstest.Fault {
				return whole(dyplstest.Fault{Code: "isv.NEVER_HEARD_OF_" + markedNumber("139", n)})(n)
			}},
		{fate: "conflicts", action: "BindAxn", tasks: 80, request: busy, state: tasks.StateFailed, fault: whole(dyplstest.Fault{Code: "isv.BIND_CONFLICT"})},
		{fate: "uncertain", action: "BindAxn", tasks: 16, request: bindMarked(""), state: tasks.StateUncertain, fault: whole(dyplstest.Fault{Do: dyplstest.DropAfter})},
		{fate: "garbled", action: "BindAxn", tasks: 10, request: bindMarked(""), state: tasks.StateUncertain, fault: whole(dyplstest.Fault{Do: dyplstest.Garbage})},
		{fate: "recordings", action: "QueryRecordFileDownloadUrl", tasks: 60, request: recording(time.Now().Add(-48 * time.Hour)), state: tasks.StateSucceeded},
		{fate: "unbinds", action: "UnbindSubscription", tasks: 60, state: tasks.StateSucceeded,
			request: func(n int) string { return `"BindTaskID":"binds-` + strconv.Itoa(n%(many/4)) + `"` }},
		{fate: "unbind-fails", action: "UnbindSubscription", tasks: 40, request: onX(`"SecretNo":%q`), state: tasks.StateFailed,
			fault: func(n int) dyplstest.Fault {
				return dyplstest.Fault{Match: map[string]string{"SubsId": fmt.Sprint("999", n)}, Code: "isv.ILLEGAL_ARGUMENT", Message: said(n)}
			}},
		{fate: "waits", action: "QueryRecordFileDownloadUrl", tasks: 20, request: recording(time.Now()), state: tasks.StatePending},
		{fate: "scheduled", action: "BindAxn", tasks: 10, request: bindMarked(""), args: []string{"--in", "1h"}, state: tasks.StatePending},
		{fate: "paused", action: "UpdateSubscription", tasks: 10, request: onX(`"PhoneNoX":%q,"OperateType":"updateNoA","PhoneNoA":"139` + markerDigits + `000"`), state: tasks.StatePending},
		{fate: "beating", action: "BindAxn", tasks: 10, request: bindMarked(""), state: tasks.StatePending, fault: whole(slow)},
		{fate: "frozen", action: "BindAxn", tasks: 10, request: bindMarked(""), state: tasks.StatePending, fault: whole(slow)},
	}
	first := 0
	for i := range groups {
		groups[i].first, groups[i].tasks = first, groups[i].tasks*many/1000
		first += groups[i].tasks
	}
	return groups
}
