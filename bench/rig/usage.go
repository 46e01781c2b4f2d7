package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// The fields of /proc/PID/stat after the name, as proc(5) numbers them, less 3.
const (
	parentField    = 1
	firstTimeField = 11 // utime, stime, and those of children that are gone
	afterTimes     = 15
	ownTimes       = 2 // the first of them
)

// CPU is what a process and its children have used so far, user and system together, to 10 ms.
func CPU(pid int) (time.Duration, error) {
	own, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	sum := own.cpu
	others, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range others {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		// else: it has just ended, and its parent has its times
		if s, err := readStat(child); err == nil && s.parent == pid {
			sum += s.cpu
		}
	}
	return sum, nil
}

var errStat = errors.New("/proc/PID/stat has another shape than proc(5) says")

type stat struct {
	parent int
	own    time.Duration // user and system
	cpu    time.Duration // with children that are gone
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

func parseStat(text []byte) (stat, error) {
	// the name may hold anything, what follows it cannot
	afterName := bytes.LastIndex(text, []byte(") "))
	if afterName < 0 {
		return stat{}, errStat
	}
	fields := strings.Fields(string(text[afterName+1:]))
	if len(fields) < afterTimes {
		return stat{}, errStat
	}
	parent, err := strconv.Atoi(fields[parentField])
	if err != nil {
		return stat{}, err
	}
	s := stat{parent: parent}
	for i, field := range fields[firstTimeField:afterTimes] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, err
		}
		s.cpu += time.Duration(ticks) * tick
		if i < ownTimes {
			s.own = s.cpu
		}
	}
	return s, nil
}

// PeakMemory is the most that a process has had in memory, in bytes.
func PeakMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("/proc/PID/status has no VmHWM")
}

// OwnCPU is what a process has used so far without its children.
func OwnCPU(pid int) (time.Duration, error) {
	s, err := readStat(pid)
	return s.own, err
}
