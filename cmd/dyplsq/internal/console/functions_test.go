package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 1000000: "1,000,000"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		at       time.Time
		en, zh   string
		language language
	}{
		{at: time.Time{}, en: "–", zh: "–"},
		{at: now, en: "now", zh: "刚刚"},
		{at: now.Add(-5 * time.Second), en: "5 s ago", zh: "5 秒前"},
		{at: now.Add(-90 * time.Minute), en: "1 h 30 min ago", zh: "1 小时 30 分前"},
		{at: now.Add(49 * time.Hour), en: "in 2 d 1 h", zh: "2 天 1 小时后"},
	} {
		for l, want := range map[language]string{english: test.en, chinese: test.zh} {
			text, err := readTexts(l)
			if err != nil {
				t.Fatal(err)
			}
			if got := text.age(test.at, now); got != want {
				t.Errorf("%s in %s: %q, want %q", test.at, l, got, want)
			}
		}
	}
}

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]language{
		"": english, "zh-CN,zh;q=0.9,en;q=0.8": chinese, "en-US,en;q=0.9,zh;q=0.1": english, "de": english, "de,zh;q=0.5": chinese,
		"ZH-hant-tw": chinese, "zh;q=x, en;q=0.1": english, ";;,,;q": english,
	} {
		r := httptest.NewRequest(http.MethodGet, "/console/", nil)
		r.Header.Set("Accept-Language", header)
		if got := languageOf(r); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
		r.AddCookie(&http.Cookie{Name: languageCookie, Value: "zh", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		if got := languageOf(r); got != chinese {
			t.Errorf("%q and a cookie: %s", header, got)
		}
	}
}

// TestWithin: what an address asks to go back to stays within the console.
func TestWithin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"/console/tasks?state=failed": "/console/tasks?state=failed", "": Root, "/": Root, "/api/queues": Root, "//evil.example/console/": Root,
		"https://evil.example/console/": Root, `/console/\evil.example`: Root, "/console/../api/queues": Root, "/console//evil.example": Root, "javascript:alert(1)": Root,
	} {
		if got := within(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
