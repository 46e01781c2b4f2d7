package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

const (
	fetchedAtOnce   = 16
	recordingBytes  = 150_000 // 75 s of a call
	recordingsUsual = 3000
	recordingsShort = 20
	keptWithin      = 5 * time.Minute
)

// keeping is what a program did with recordings.
type keeping struct {
	rate          float64 // recordings a second, from the first push to the last file
	worker, store float64 // CPU, microseconds a recording
}

// recordings measures programs that keep the recordings that are announced to them.
func (b *bench) recordings(ctx context.Context) (section, error) {
	var found section
	all := map[string][]keeping{}
	names := []string{oursName, plainName}
	for round := range b.roundsOr(1) {
		for i := range names {
			name := names[(i+round)%len(names)]
			k, err := b.keeping(ctx, name)
			if err != nil {
				return found, fmt.Errorf("%s: %w", name, err)
			}
			b.progressf("recordings: %s: %.0f/s, CPU %.0f and %.0f us", name, k.rate, k.worker, k.store)
			all[name] = append(all[name], k)
		}
	}
	table := figure.Table{Head: []string{"", "recordings/s", "MB/s", "CPU µs", "Redis CPU µs"}}
	group := figure.Group{Name: "recordings/s, kept"}
	for _, name := range names {
		of := func(of func(keeping) float64) float64 {
			values := make([]float64, len(all[name]))
			for i, k := range all[name] {
				values[i] = of(k)
			}
			return figure.Median(values)
		}
		const mega = 1e6
		rate := of(func(k keeping) float64 { return k.rate })
		table.Add(name, figure.Format(rate, 0), figure.Format(rate*recordingBytes/mega, 0),
			figure.Format(of(func(k keeping) float64 { return k.worker }), 0),
			figure.Format(of(func(k keeping) float64 { return k.store }), 0))
		group.Bars = append(group.Bars, figure.Bar{Name: name, Value: rate})
	}
	found.groups = append(found.groups, group)
	found.text = tableText(table) + fmt.Sprintf("\n%d recordings of %d kB each, announced by as many pushes over %d connections, %d fetched at once into a directory; "+
		"from the first push until the last file is whole. Redis appends to a file and syncs it at every write. "+
		"dyplsq is two programs, `receive --archive` and `worker`, whose CPU is added up. It fetches each link through a task of its own, hashes what comes, and "+
		"syncs each file before it says that the recording is kept.\n", b.recordingCount(), recordingBytes/1000, pushersAtOnce, fetchedAtOnce)
	return found, nil
}

func (b *bench) recordingCount() int {
	if b.short {
		return recordingsShort
	}
	return recordingsUsual
}

// announcement is a SecretRecording of a call that was just made.
func announcement(call string) string {
	return fmt.Sprintf(`[{"pool_key":%q,"sub_id":1000043068030000,"call_id":%q,"call_time":%d}]`,
		dyplstest.DefaultPoolKey, call, time.Now().Add(-time.Minute).UnixMilli())
}

func (b *bench) keeping(ctx context.Context, name string) (k keeping, err error) {
	sim, err := dyplstest.Serve(
		dyplstest.Config{LedgerLimit: 1, Recordings: dyplstest.Recordings{Size: recordingBytes}},
	)
	if err != nil {
		return k, err
	}
	defer sim.Close()
	store, err := rig.StartRedis(ctx, true, "--appendfsync", "always")
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	dir, err := os.MkdirTemp("", "bench-recordings-")
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	listen, err := rig.FreeAddress()
	if err != nil {
		return k, err
	}
	site := contender.Site{
		Redis: store.Addr, Endpoint: sim.URL(), KeyID: sim.AccessKeyID, Secret: sim.AccessKeySecret,
		Listen: listen, Archive: dir,
	}
	programs, path, err := b.keepers(name, site)
	if err != nil {
		return k, err
	}
	var processes []*rig.Process
	defer func() {
		for _, p := range processes {
			p.Stop()
		}
	}()
	for _, cmd := range programs {
		p, err := rig.Start(cmd, syscall.SIGTERM)
		if err != nil {
			return k, err
		}
		processes = append(processes, p)
	}
	load := newPushing("http://"+listen+path, b.seed(), announcement)
	return b.keepAll(ctx, load, dir, processes, store)
}

// keepers are the programs that keep recordings, and the path of pushes.
func (b *bench) keepers(
	name string, site contender.Site,
) (programs []*exec.Cmd, path string, err error) {
	if name != oursName {
		cmd, err := contender.PlainKeeper(site, fetchedAtOnce)
		return []*exec.Cmd{cmd}, "/", err
	}
	const secret = "the-secret-of-this-measurement"
	file := filepath.Join(site.Archive, ".secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		return nil, "", err
	}
	worker, err := contender.Ours(b.program).Worker(site, fetchedAtOnce)
	if err != nil {
		return nil, "", err
	}
	receive := exec.Command(b.program, "receive", "--receipts-listen", site.Listen,
		"--receipts-secret-file", file,
		"--archive", "file://"+site.Archive, "--archive-parallel", strconv.Itoa(fetchedAtOnce))
	receive.Env = []string{"REDIS_URL=redis://" + site.Redis + "/0"}
	return []*exec.Cmd{receive, worker}, "/receipts/" + secret + "/SecretRecording", nil
}

// keepAll pushes, and waits until all is kept.
func (b *bench) keepAll(
	ctx context.Context, load *pushing, dir string, processes []*rig.Process, store *rig.Redis,
) (k keeping, err error) {
	alive := func() error {
		var errs []error
		for _, p := range processes {
			errs = append(errs, p.Err())
		}
		return errors.Join(errs...)
	}
	used := func() (worker, redis time.Duration, err error) {
		for _, p := range processes {
			of, failed := rig.CPU(p.PID())
			worker, err = worker+of, errors.Join(err, failed)
		}
		redis, failed := rig.CPU(store.PID())
		return worker, redis, errors.Join(err, failed)
	}
	if err := load.awaitOpen(ctx, alive); err != nil { // which is the first recording
		return k, err
	}
	if err := awaitFiles(ctx, dir, 1, alive); err != nil {
		return k, err
	}
	worker, redis, err := used()
	if err != nil {
		return k, err
	}
	began, count := time.Now(), b.recordingCount()
	if err := load.number(ctx, pushersAtOnce, count); err != nil {
		return k, err
	}
	if err := awaitFiles(ctx, dir, 1+count, alive); err != nil {
		return k, err
	}
	took := time.Since(began)
	workerAfter, redisAfter, err := used()
	k.rate = figure.Ratio(float64(count), took.Seconds())
	k.worker = figure.Ratio(float64((workerAfter - worker).Microseconds()), float64(count))
	k.store = figure.Ratio(float64((redisAfter - redis).Microseconds()), float64(count))
	return k, err
}

// awaitFiles waits until so many recordings are whole.
func awaitFiles(ctx context.Context, dir string, count int, alive func() error) error {
	whole := map[string]bool{}
	for began := time.Now(); time.Since(began) < keptWithin; {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || whole[path] || strings.HasPrefix(entry.Name(), ".") {
				return nil //nolint:nilerr // a temporary file that is gone
			}
			if info, err := entry.Info(); err == nil && info.Size() == recordingBytes {
				whole[path] = true
			}
			return nil
		})
		if err = errors.Join(err, alive()); err != nil || len(whole) >= count {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d of %d recordings are kept after %s", len(whole), count, keptWithin)
}
