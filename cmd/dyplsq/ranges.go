package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// ranges are what each flag that is a number or a duration may be, by its name. A flag means the
// same in every command.
var ranges = map[string]interface {
	CheckAny(field string, value any) []dypls.Problem
}{
	"concurrency":         setting.Concurrency,
	"fetchers":            setting.Fetchers,
	"shards":              setting.Shards,
	"max-attempts":        setting.MaxAttempts,
	"http-timeout":        setting.HTTPTimeout,
	"shutdown-timeout":    setting.ShutdownTimeout,
	"qps":                 setting.QPS,
	"pool-qps":            setting.PoolQPS,
	"keep":                setting.Keep,
	"keep-stream":         setting.KeepStream,
	"keep-calls":          setting.KeepCalls,
	"number-cooldown":     setting.NumberCooldown,
	"wait-replicas":       setting.WaitReplicas,
	"recording-retention": setting.RecordingRetention,
	"recording-after":     setting.RecordingAfter,
	"archive-parallel":    setting.ArchiveParallel,
	"archive-bandwidth":   setting.ArchiveBandwidth,
	"archive-retry":       setting.ArchiveRetry,
	"archive-late":        setting.ArchiveLate,
	"within":              setting.Within,
	"in":                  setting.ProcessIn,
	"wait":                setting.Wait,
	"since":               setting.Since,
	"limit":               setting.ListLimit,
	"timeout":             setting.DemoTimeout,
	"numbers":             setting.SimNumbers,
	"quota":               setting.SimQuota,
	"seed":                setting.SimSeed,

	"scale":                 setting.SimScale,
	"token-life":            setting.SimTokenLife,
	"visibility":            setting.SimVisibility,
	"push-batch":            setting.SimPushBatch,
	"recording-ready-after": setting.SimReadyAfter,
	"recording-size":        setting.SimRecordingSize,
	"link-life":             setting.SimLinkLife,
	"duplicates":            setting.SimShare,
	"late":                  setting.SimShare,
	"out-of-order":          setting.SimShare,
}

// checkRanges returns everything that is out of bounds in the flags of a command, given or from the
// environment.
func checkRanges(flags []*kong.Flag) error {
	var problems []dypls.Problem
	for _, flag := range flags {
		bounds, bounded := ranges[flag.Name]
		if !bounded {
			continue
		}
		name := "--" + flag.Name
		if len(flag.Envs) > 0 {
			name += " (" + strings.Join(flag.Envs, ", ") + ")"
		}
		switch value := flag.Target; value.Kind() {
		case reflect.Pointer:
			if !value.IsNil() {
				problems = append(problems, bounds.CheckAny(name, value.Elem().Interface())...)
			}
		case reflect.Map:
			of := map[string]any{}
			for _, key := range value.MapKeys() {
				of[key.String()] = value.MapIndex(key).Interface()
			}
			for _, key := range slices.Sorted(maps.Keys(of)) {
				problems = append(problems, bounds.CheckAny(name+" of "+key, of[key])...)
			}
		default:
			problems = append(problems, bounds.CheckAny(name, value.Interface())...)
		}
	}
	if problems != nil {
		return usage((&dypls.ValidationError{Problems: problems}).Error())
	}
	return nil
}

// numbers read flags that are numbers and durations: blanks around them, as files of settings and
// secrets have, do not matter.
func numbers() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[int](), readAs(setting.ParseInt)),
		kong.TypeMapper(reflect.TypeFor[uint64](), readAs(setting.ParseUint)),
		kong.TypeMapper(reflect.TypeFor[float64](), readAs(setting.ParseRate)),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), readAs(setting.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[map[string]int](), readForActions(setting.ParseInt)),
		kong.TypeMapper(reflect.TypeFor[map[string]float64](), readForActions(setting.ParseRate)),
	}
}

// readAs is how kong is told to read a flag.
func readAs[T any](parse func(string) (T, error)) kong.MapperFunc {
	return func(c *kong.DecodeContext, target reflect.Value) error {
		token, err := c.Scan.PopValue("number")
		if err != nil {
			return err
		}
		value, err := parse(fmt.Sprint(token.Value))
		if err != nil {
			return err
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}
}

// readForActions is how kong is told to read a flag that has a number for each action, several of
// them between semicolons.
func readForActions[T any](parse func(string) (T, error)) kong.MapperFunc {
	return func(c *kong.DecodeContext, target reflect.Value) error {
		token, err := c.Scan.PopValue("ACTION=N")
		if err != nil {
			return err
		}
		if target.IsNil() {
			target.Set(reflect.MakeMap(target.Type()))
		}
		for _, pair := range kong.SplitEscaped(fmt.Sprint(token.Value), ';') {
			action, text, ok := strings.Cut(pair, "=")
			if action = strings.TrimSpace(action); !ok || action == "" {
				return errors.New(
					"must be ACTION=N: write it as in BindAxn=100, and semicolons between several",
				)
			}
			value, err := parse(text)
			if err != nil {
				return fmt.Errorf("of %s %w", action, err)
			}
			target.SetMapIndex(reflect.ValueOf(action), reflect.ValueOf(value))
		}
		return nil
	}
}
