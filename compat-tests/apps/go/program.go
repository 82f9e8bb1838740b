// A Go program that uses what the Go runtime asks of a kernel: threads of its own making, futexes, preemption by
// signals, a garbage collector that runs beside the program, timers, the network poller, files, processes.
// Each part checks itself; the last line is "all held" and the status 0.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(ok bool, format string, args ...interface{}) {
	if !ok {
		fmt.Printf("FAILED: "+format+"\n", args...)
		os.Exit(1)
	}
}

func must(err error) { check(err == nil, "%v", err) }

// A pipeline of goroutines: every number passes through all of them.
func channels() {
	first := make(chan int)
	in := first
	for i := 0; i < 100; i++ {
		out := make(chan int)
		go func(in, out chan int) {
			for v := range in {
				out <- v + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	go func() {
		for i := 0; i < 500; i++ {
			first <- i
		}
		close(first)
	}()
	n := 0
	for v := range in {
		check(v == n+100, "a pipeline gave %d for %d", v, n)
		n++
	}
	check(n == 500, "a pipeline gave %d of 500", n)
}

// Allocation on all CPUs with the collector running: what is reachable stays as it was.
func garbage() {
	var group sync.WaitGroup
	for g := 0; g < 8; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			kept := map[int][]byte{}
			for i := 0; i < 3000; i++ {
				block := make([]byte, 64+(i*37)%4000)
				for j := range block {
					block[j] = byte(i + j)
				}
				kept[i%100] = block
				if i%10 == 0 {
					for _, b := range kept {

						for j := 1; j < len(b); j += 97 {
							check(b[j] == byte(int(b[0])+j), "a block lost its contents")
						}
					}
				}
				if i%500 == g {
					runtime.GC()
				}
			}
		}(g)
	}
	group.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	check(m.NumGC > 0, "no collection ran")
}

// Loops without calls are preempted by signals: the others go on.
func preemption() {
	var stop int32
	for i := 0; i < runtime.GOMAXPROCS(0)+2; i++ {
		go func() {
			for x := 1; atomic.LoadInt32(&stop) == 0; {
				x = x*3 + 1
			}
		}()
	}
	for i := 0; i < 20; i++ {
		time.Sleep(time.Millisecond)
		runtime.Gosched()
	}
	runtime.GC() // stops the world, spinning goroutines included
	atomic.StoreInt32(&stop, 1)
}

func timers() {
	var group sync.WaitGroup
	for i := 0; i < 200; i++ {
		group.Add(1)
		length := time.Duration(i%20) * time.Millisecond
		start := time.Now()
		time.AfterFunc(length, func() {
			check(time.Since(start) >= length, "a timer was early")
			group.Done()
		})
	}
	group.Wait()
	ticker := time.NewTicker(time.Millisecond)
	for i := 0; i < 5; i++ {
		<-ticker.C
	}
	ticker.Stop()
}

// HTTP over the network poller: 16 clients, 20 requests each.
func network() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		_, err := io.Copy(sum, r.Body)
		must(err)
		fmt.Fprint(w, hex.EncodeToString(sum.Sum(nil)))
	})}
	go server.Serve(listener)
	url := "http://" + listener.Addr().String() + "/"
	var group sync.WaitGroup
	for c := 0; c < 16; c++ {
		group.Add(1)
		go func(c int) {
			defer group.Done()
			for i := 0; i < 20; i++ {
				body := strings.Repeat(fmt.Sprintf("%d-%d ", c, i), 1+(c*20+i)*7)
				answer, err := http.Post(url, "text/plain", strings.NewReader(body))
				must(err)
				text, err := io.ReadAll(answer.Body)
				must(err)
				answer.Body.Close()
				want := sha256.Sum256([]byte(body))
				check(string(text) == hex.EncodeToString(want[:]), "a body arrived changed")
			}
		}(c)
	}
	group.Wait()
	must(server.Close())
	// A read with a deadline, and one that is closed meanwhile.
	a, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	conn, err := net.Dial("tcp", a.Addr().String())
	must(err)
	must(conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	check(ok && timeout.Timeout(), "a read past its deadline: %v", err)
	must(conn.SetReadDeadline(time.Time{}))
	done := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		done <- err
	}()
	runtime.Gosched()
	must(conn.Close())
	check(<-done != nil, "a read of a closed connection succeeded")
	must(a.Close())
}

func files() {
	folder, err := os.MkdirTemp("", "go")
	must(err)
	var group sync.WaitGroup
	for i := 0; i < 32; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			path := filepath.Join(folder, fmt.Sprintf("f%02d", i))
			must(os.WriteFile(path, []byte(strings.Repeat("x", i*1000)), 0600))
			must(os.Rename(path, path+".new"))
			text, err := os.ReadFile(path + ".new")
			must(err)
			check(len(text) == i*1000, "a file of %d bytes has %d", i*1000, len(text))
		}(i)
	}
	group.Wait()
	items, err := os.ReadDir(folder)
	must(err)
	check(len(items) == 32, "%d of 32 files", len(items))
	check(sort.SliceIsSorted(items, func(a, b int) bool { return items[a].Name() < items[b].Name() }), "order")
	must(os.RemoveAll(folder))
}

// Processes: this program again, by its own path; signals to itself.
func processes() {
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			command := exec.Command("/proc/self/exe", "echo")
			command.Stdin = strings.NewReader(fmt.Sprintf("line %d\n", i))
			out, err := command.Output()
			must(err)
			check(string(out) == fmt.Sprintf("<line %d>\n", i), "a child wrote %q", out)
		}(i)
	}
	group.Wait()
	err := exec.Command("/proc/self/exe", "fail").Run()
	exit, ok := err.(*exec.ExitError)
	check(ok && exit.ExitCode() == 3, "a child that fails: %v", err)
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	must(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	check(<-got == syscall.SIGUSR1, "the wrong signal")
	signal.Stop(got)
	// A fault becomes a panic that can be recovered.
	func() {
		defer func() { check(recover() != nil, "a null pointer did not panic") }()
		var p *int
		*p = 1
	}()
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "echo":
			line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
			fmt.Printf("<%s>\n", strings.TrimSpace(line))
			return
		case "fail":
			os.Exit(3)
		}
	}
	for _, part := range []struct {
		name string
		run  func()
	}{{"channels", channels}, {"garbage", garbage}, {"preemption", preemption}, {"timers", timers},
		{"network", network}, {"files", files}, {"processes", processes}} {
		part.run()
		fmt.Printf("%s: held\n", part.name)
	}
	fmt.Println("all held")
}
