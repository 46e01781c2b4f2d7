package dyplstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	hostID           = "dyplsapi.aliyuncs.com"
	throttledMessage = "Request was denied due to user flow control."
)

// answer is what a call is answered with.
type answer struct {
	status  int
	code    string
	message string
	fields  fields            // beside Code, Message and RequestId
	header  map[string]string // beside the usual ones

	subsID   string // what it was about, for the ledger
	secretNo dypls.Phone
}

// fields are what the actions answer, under the API's names.
type fields struct {
	SecretBindDTO       *bindDTO   `json:",omitempty"`
	SecretBindDetailDTO *detailDTO `json:",omitempty"`
	SubsID              *string    `json:"SubsId,omitempty"`
	ChargeID            string     `json:"ChargeId,omitempty"`
	DownloadURL         *string    `json:"DownloadUrl,omitempty"`
	MessageTokenDTO     *tokenDTO  `json:",omitempty"`
	// of the operations that are called directly
	GroupID         int64        `json:"GroupId,omitempty"`
	SecretBindList  *bindListDTO `json:",omitempty"`
	SecretNoInfoDTO *numberDTO   `json:",omitempty"`
	SecretRemainDTO *remainDTO   `json:",omitempty"`
	Data            any          `json:",omitempty"`
}

// envelope is what every answer of the service holds.
type envelope struct {
	RequestID string `json:"RequestId"`
	Message   string
	Code      string
}

type bindDTO struct {
	SubsID    string `json:"SubsId,omitempty"`
	SecretNo  string `json:",omitempty"`
	Extension string `json:",omitempty"`
}

type detailDTO struct {
	SubsID       string `json:"SubsId"`
	PhoneNoA     string
	PhoneNoB     string
	PhoneNoX     string
	Status       int64
	ExpireDate   string
	GmtCreate    string
	NeedRecord   bool
	ASRStatus    bool
	ASRModelID   string `json:"ASRModelId,omitempty"`
	CallRestrict string `json:",omitempty"`
	Extension    string `json:",omitempty"`
	GroupID      int64  `json:"GroupId,omitempty"`
}

type bindListDTO struct{ SecretBind []bindItemDTO }

type bindItemDTO struct {
	bindDTO

	Code     string
	Message  string
	GroupID  string `json:"GroupId"`
	PhoneNoA string
}

type numberDTO struct {
	PurchaseTime  string
	Vendor        int
	Province      string `json:",omitempty"`
	City          string `json:",omitempty"`
	SecretStatus  int
	CertifyStatus int
}

type remainDTO struct {
	Amount        *int           `json:",omitempty"`
	City          string         `json:",omitempty"`
	RemainDTOList *remainListDTO `json:",omitempty"`
}

type remainListDTO struct {
	RemainDTO []cityDTO `json:"remainDTO"` // as the SDK spells it
}

type cityDTO struct {
	Amount int
	City   string
}

func ok(f fields) answer {
	return answer{status: http.StatusOK, code: dypls.CodeOK, message: dypls.CodeOK, fields: f}
}

// serviceAnswer is a business error: the service answers it with HTTP 200.
func serviceAnswer(code, message string) answer {
	return answer{status: http.StatusOK, code: code, message: message}
}

// codeAnswer is a code with the status that it comes with: the gateway's are not 2xx.
func codeAnswer(code, message string) answer {
	return answer{status: statusOf(code), code: code, message: message}
}

// statuses are those that differ from their layer's usual one. The API's pages and its siblings'
// disagree here and there: clients do well to look at the Code.
var statuses = map[string]int{
	"InvalidApi.NotFound":         http.StatusNotFound,
	"InvalidAction.NotFound":      http.StatusNotFound,
	"InvalidProduct.NotFound":     http.StatusNotFound,
	"InvalidProtocol.NeedSsl":     http.StatusNotFound,
	"InvalidAccessKeyId.NotFound": http.StatusNotFound,
	"NoPermission":                http.StatusForbidden,
	"Forbidden":                   http.StatusForbidden,
	"Permission.NotAuthorized":    http.StatusForbidden,
	"InternalError":               http.StatusInternalServerError,
	"ServiceUnavailable":          http.StatusServiceUnavailable,
	"POOLKEY_NOT_EXIST":           http.StatusBadRequest,
	"FlowLimited":                 http.StatusBadRequest,
	"System.LimitControl":         http.StatusBadRequest,
}

func statusOf(code string) int {
	if status, known := statuses[code]; known {
		return status
	}
	switch {
	case code == dypls.CodeOK, strings.HasPrefix(code, "isv."), strings.HasPrefix(code, "isp."):
		return http.StatusOK
	case strings.HasPrefix(code, "Forbidden."):
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// throttled adds the headers by which the gateway tells when to come back: official runtimes read
// the one or the other. The service's own codes come without.
func (a answer) throttled(limit int, left time.Duration, now time.Time) answer {
	if strings.HasPrefix(a.code, "Throttling") {
		rate := fmt.Sprintf(
			"Limit:%d,Remain:0,TimeLeft:%d,Reset:%d",
			limit,
			left.Milliseconds(),
			now.Add(left).UnixMilli(),
		)
		a.header = map[string]string{
			"x-ratelimit-user-api": rate, "x-ratelimit-user": rate,
			"x-acs-retry-after": strconv.FormatInt(left.Milliseconds(), 10),
		}
	}
	return a
}

// of gives an answer the shape that all answers to an action have. Where a bind says no, the
// SecretBindDTO is there and empty, as in answers of the real service, whatever refused it: clients
// must decide on the Code.
func (a answer) of(action string) answer {
	if a.code != dypls.CodeOK && isPlainBind(action) {
		a.fields = fields{SecretBindDTO: &bindDTO{}}
	}
	return a
}

// write sends an answer. What is not 2xx has the gateway's shape, whoever made it.
func (a answer) write(w http.ResponseWriter, requestID string) {
	var body any = struct {
		envelope
		fields
	}{envelope{requestID, a.message, a.code}, a.fields}
	if a.status/100 != 2 {
		body = struct {
			Recommend string
			Message   string
			RequestID string `json:"RequestId"`
			HostID    string `json:"HostId"`
			Code      string
		}{"https://error-center.aliyun.com/status/search?Keyword=" + a.code + "&source=PopGw", a.message, requestID, hostID, a.code}
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) //nolint:errchkjson // strings, booleans and numbers always can be encoded
	header := w.Header()
	for name, value := range a.header {
		header.Set(name, value)
	}
	header.Set("Content-Type", "application/json;charset=utf-8")
	header.Set("x-acs-request-id", requestID)
	w.WriteHeader(a.status)
	_, _ = w.Write(bytes.TrimRight(buffer.Bytes(), "\n"))
}

// newRequestID returns a random UUID as the gateway writes it.
func newRequestID() string {
	high, low := rand.Uint64(), rand.Uint64()
	return fmt.Sprintf(
		"%08X-%04X-4%03X-%04X-%012X",
		high>>32,
		high>>16&0xffff,
		high&0xfff,
		low>>48&0x3fff|0x8000,
		low&0xffffffffffff,
	)
}
