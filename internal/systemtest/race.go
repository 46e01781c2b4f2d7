//go:build race

package main

// raceDetector tells that this binary takes several times the memory of one that users run.
const raceDetector = true
