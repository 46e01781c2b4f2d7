//go:build race

package systemtest

// RaceDetector tells that tests and processes take several times the memory of those that users
// run.
const RaceDetector = true
