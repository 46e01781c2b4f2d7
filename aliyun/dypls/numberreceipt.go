package dypls

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// SecretExceptionPhoneReport tells that a number (X) fails, or works
// again. It comes by queue alone.
type SecretExceptionPhoneReport struct {
	PartnerKey string `json:"partnerKey,omitzero"`
	SecretNo   Phone  `json:"secretNo,omitzero"`
	NoStatus   *int   `json:"noStatus,omitzero"` // one of [NumberFails] and [NumberWorks]
	Timestamp  Time   `json:"timestamp,omitzero"`
}

// Values of [SecretExceptionPhoneReport.NoStatus].
const (
	NumberFails = 0
	NumberWorks = 1
)

func (r *SecretExceptionPhoneReport) fields(v receiptFields) {
	v.text(&r.PartnerKey, "partnerKey")
	v.phone(&r.SecretNo, "secretNo")
	v.integer(&r.NoStatus, "noStatus")
	v.instant(&r.Timestamp, "timestamp")
}

func (r *SecretExceptionPhoneReport) key() string {
	return numberKey(r.SecretNo, r.Timestamp, r.NoStatus)
}

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretExceptionPhoneReport) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, r.String())
}

// String returns the fields that are set, masked.
func (r SecretExceptionPhoneReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretExceptionPhoneReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

// NumberManagementReport tells that a number (X) came into a pool, or went.
type NumberManagementReport struct {
	PartnerKey    string `json:"partnerKey,omitzero"`
	SecretNo      Phone  `json:"secretNo,omitzero"`
	City          string `json:"city,omitzero"`
	Status        *int   `json:"status,omitzero"` // one of [NumberCreated] and [NumberRemoved]
	Vendor        *int   `json:"vendor,omitzero"` // 1 China Mobile, 2 China Unicom, 3 China Telecom
	OperatingTime Time   `json:"operatingTime,omitzero"`
}

// Values of [NumberManagementReport.Status].
const (
	NumberCreated = 1
	NumberRemoved = 2
)

func (r *NumberManagementReport) fields(v receiptFields) {
	v.text(&r.PartnerKey, "partnerKey")
	v.phone(&r.SecretNo, "secretNo")
	v.text(&r.City, "city")
	v.integer(&r.Status, "status")
	v.integer(&r.Vendor, "vendor")
	v.instant(&r.OperatingTime, "operatingTime")
}

func (r *NumberManagementReport) key() string {
	return numberKey(r.SecretNo, r.OperatingTime, r.Status)
}

// Format implements [fmt.Formatter]: every verb prints masked.
func (r NumberManagementReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r NumberManagementReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r NumberManagementReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

// numberKey has so little of a number's hash in it that some ten thousand numbers share it. A
// number that fails and works again within the same second has two receipts.
func numberKey(number Phone, at Time, status *int) string {
	if number == "" || at.IsZero() {
		return ""
	}
	const hashBytes = 3
	seconds := strconv.FormatInt(at.Unix(), 10)
	sum := sha256.Sum256([]byte(seconds + ":" + string(number)))
	key := hex.EncodeToString(sum[:hashBytes]) + ":" + seconds
	if status != nil {
		key += ":" + strconv.Itoa(*status)
	}
	return key
}
