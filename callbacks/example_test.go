package callbacks_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
)

// A receiver checks the signature over the body as it came, and answers 2xx once it has noted the
// event.
func ExampleVerify() {
	secrets := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	receive := func(w http.ResponseWriter, r *http.Request) {
		const most = 1 << 20
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		if err == nil {
			err = callbacks.Verify(secrets, r.Header, body, time.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// note the event under its id, once: the same one may come again
		fmt.Println(r.Header.Get(callbacks.HeaderID), string(body))
		w.WriteHeader(http.StatusNoContent)
	}

	request := httptest.NewRequest(http.MethodPost, "/dyplsq", strings.NewReader(`{"type":"callback.test"}`))
	now := time.Now()
	signature, err := callbacks.Sign(secrets[0], "msg_1", now, []byte(`{"type":"callback.test"}`))
	if err != nil {
		panic(err)
	}
	request.Header.Set(callbacks.HeaderID, "msg_1")
	request.Header.Set(callbacks.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(callbacks.HeaderSignature, signature)
	receive(httptest.NewRecorder(), request)
	// Output: msg_1 {"type":"callback.test"}
}

func ExampleSign() {
	signature, err := callbacks.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	fmt.Println(signature, err)
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= <nil>
}
