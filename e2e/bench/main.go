// Bench measures the real program beside yardsticks that do the same work with
// nothing around it (see yardsticks.go), in turn on the same machine:
//
//	go run ./e2e/bench [-short] [-organizations 1000]
//
// A row is a job: the medians of its rounds, its yardstick's, the ratio of the two in
// the same round with its spread, the goal, and whether it is met. No absolute figure
// is a goal: machines differ.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == yardstickWord {
		if err := yardstick(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	short := flag.Bool("short", false, "shorter rounds, of the first eight goals only")
	organizations := flag.Int("organizations", 1000, "how many organizations to fill the portal with, of ten people each")
	flag.Parse()
	ok, err := run(*organizations, *short)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}
