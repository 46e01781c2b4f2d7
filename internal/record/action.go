package record

import "strings"

// A record keeps the account of its task behind the action, as BindAxn@shop, and none where it is the worker's own. Whoever
// knows nothing of accounts takes that for an action that it does not know, and leaves the task to somebody who does: it must
// not be called with another account's credentials.
const accountMark = "@"

// actionField is what a record keeps of a task's action and account.
func actionField(action, account string) string {
	if account == "" {
		return action
	}
	return action + accountMark + account
}

func readAction(field string) (action, account string) {
	action, account, _ = strings.Cut(field, accountMark)
	return action, account
}
