package dashboard

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
)

// What a button does with one task. Others, such as a queue's pause, leave records alone.
const (
	remove  = "delete"
	run     = "run"
	archive = "archive"
	cancel  = "cancel"
)

// button is what a request to asynqmon's API asks for.
type button struct {
	queue, list string
	verb        string
	ids         []string // of asynq
	many        bool     // it answers with ids
	all         bool     // it answers with a number
}

var (
	oneTask = regexp.MustCompile(
		`^/api/queues/([^/:]+)/(pending|scheduled|retry|archived|completed)_tasks/(.+?)(?::(run|archive))?$`,
	)
	running   = regexp.MustCompile(`^/api/queues/([^/:]+)/active_tasks/(.+):cancel$`)
	manyTasks = regexp.MustCompile(
		`^/api/queues/([^/:]+)/(pending|scheduled|retry|archived|completed)_tasks:(batch_)?(delete|run|archive)(_all)?$`,
	)
)

const maxBody = 1 << 20

// readButton reads what concerns tasks one by one; ok is false for everything else.
func readButton(w http.ResponseWriter, r *http.Request) (b button, ok bool, err error) {
	if r.Method != http.MethodPost && r.Method != http.MethodDelete {
		return button{}, false, nil
	}
	if m := oneTask.FindStringSubmatch(r.URL.Path); m != nil {
		b = button{queue: m[1], list: m[2], ids: []string{m[3]}, verb: m[4]}
		if b.verb == "" && r.Method == http.MethodDelete {
			b.verb = remove
		}
		return b, b.verb != "", b.check(r.Method)
	}
	if m := running.FindStringSubmatch(r.URL.Path); m != nil {
		return button{
			queue: m[1],
			list:  "active",
			ids:   []string{m[2]},
			verb:  cancel,
		}, r.Method == http.MethodPost, nil
	}
	m := manyTasks.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return button{}, false, nil
	}
	b = button{queue: m[1], list: m[2], verb: m[4], many: m[3] != "", all: m[5] != ""}
	if b.many == b.all {
		return button{}, false, nil
	}
	if err := b.check(r.Method); err != nil {
		return b, true, err
	}
	if b.many {
		var body struct {
			TaskIDs []string `json:"task_ids"`
		}
		if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body) != nil {
			return b, true, errors.New(`the body must be {"task_ids":[...]}`)
		}
		b.ids = body.TaskIDs
	}
	return b, true, nil
}

// errMethod: a button is pressed by another method.
var errMethod = errors.New("this is done by another method")

// check refuses a method that asynqmon's pages do not use for a button.
func (b button) check(method string) error {
	if erases := b.verb == remove && !b.many; b.verb != "" && erases != (method == http.MethodDelete) {
		return errMethod
	}
	return nil
}

// answer is what asynqmon's pages expect of a button that concerns several tasks.
func (b button) answer(done, refused []string) map[string]any {
	words := map[string]struct{ done, refused, count string }{
		remove:  {"deleted_ids", "failed_ids", "deleted"},
		run:     {"pending_ids", "error_ids", "scheduled"},
		archive: {"archived_ids", "error_ids", "archived"},
	}[b.verb]
	if b.all {
		return map[string]any{words.count: len(done)}
	}
	return map[string]any{words.done: done, words.refused: refused}
}
