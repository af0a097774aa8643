//go:build race

package e2e

// raceDetector makes the program under test be built like the tests.
const raceDetector = true
