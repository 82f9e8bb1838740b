// A small Go program for the comparison of traces: goroutines, and a file.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
)

// The main goroutine keeps the first thread: else whichever is free would make its calls.
func init() { runtime.LockOSThread() }

func main() {
	var group sync.WaitGroup
	lines := make([]string, 3)
	for i := range lines {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			lines[i] = fmt.Sprintf("line %d", i)
		}(i)
	}
	group.Wait()
	data, err := os.ReadFile("/etc/passwd")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(lines, len(data))
}
