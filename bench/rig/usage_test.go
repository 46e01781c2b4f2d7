package rig

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	got, err := parseStat([]byte("42 (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 100 50 20 5 20 0 9 0 123 1 2\n"))
	if want := (stat{parent: 7, own: 1500 * time.Millisecond, cpu: 1750 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "42 (sh) S 7"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestCPU: what a child has used is its parent's, while the child lives and when it is gone.
func TestCPU(t *testing.T) {
	t.Parallel()
	p, err := Start(exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; sleep 60`), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; {
		used, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		if used >= 50*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it has used %s", used)
		}
		time.Sleep(10 * time.Millisecond) // until it has used some
	}
	if peak, err := PeakMemory(os.Getpid()); err != nil || peak < 1<<20 {
		t.Errorf("this process has %d bytes at most, %v", peak, err)
	}
}

// TestProcess: what it says last is told when it has ended.
func TestProcess(t *testing.T) {
	t.Parallel()
	p, err := Start(exec.Command("sh", "-c", "echo all is lost >&2; exit 3"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	<-p.exited
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "all is lost") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
	p.Stop()
}

func TestParseCommands(t *testing.T) {
	t.Parallel()
	got := parseCommands("# Commandstats\r\ncmdstat_evalsha:calls=12,usec=1,usec_per_call=0.1\r\ncmdstat_hset:calls=30,usec=4\r\n" +
		"cmdstat_eval:calls=1,usec=3\r\ncmdstat_client|setinfo:calls=2,usec=9\r\n")
	if want := (Commands{All: 45, Scripts: 13}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := infoNumber("# Memory\r\nused_memory:1234\r\nused_memory_peak:5678\r\n", "used_memory"); got != 1234 {
		t.Errorf("used_memory is %d", got)
	}
}
