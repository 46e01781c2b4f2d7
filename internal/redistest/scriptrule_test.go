package redistest_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestScriptRule: what users report that Alibaba Cloud's proxies refuse, and what they take.
func TestScriptRule(t *testing.T) {
	t.Parallel()
	for source, ok := range map[string]bool{
		`return redis.call('GET', KEYS[1])`:                                     true,
		`return redis.call("GET", KEYS[1])`:                                     true,
		`local t = redis.call('TIME') return t[1]`:                              true,
		`return 1 -- redis.call('GET', key)`:                                    true,
		`return redis.call('HSET', KEYS[2], 'redis.call(', ARGV[1])`:            true,
		`redis.call('set', KEYS[1] .. ':1', 1)`:                                 false,
		`local key=KEYS[1]..':1'; redis.call('set', key, 1)`:                    false,
		`local key = KEYS[1] return redis.call('EXISTS', key)`:                  false,
		`if redis.call('get', ARGV[1]) == ARGV[2] then return 1 end`:            false,
		`return redis.call('GET', KEYS[i])`:                                     false,
		`return #KEYS`:                                                          false,
		`return redis.call('DEL', unpack(KEYS))`:                                false,
		`return redis.pcall('GET', 'fixed')`:                                    false,
		`return redis.call(cmd, KEYS[1])`:                                       false,
		`return redis.call('SET', KEYS[1], redis.call('GET', "t:" .. ARGV[1]))`: false,
	} {
		if err := redistest.CheckScript(source); (err == nil) != ok {
			t.Errorf("%s: %v", source, err)
		}
	}
}
