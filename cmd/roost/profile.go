package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
)

// The files that a profiled system writes.
const (
	cpuProfile  = "cpu.pprof"
	heapProfile = "heap.pprof"
	memoryFile  = "memory.json"
)

// memoryNow is what a profiled system says of its memory at SIGUSR1, after a
// collection: bytes of live objects, how many, and what the runtime has of the
// machine.
type memoryNow struct {
	Heap    uint64 `json:"heap_bytes"`
	Objects uint64 `json:"objects"`
	System  uint64 `json:"system_bytes"`
}

// profiler writes profiles of a running system into a folder: of the processor
// from the start to the end, of the heap at each SIGUSR1.
type profiler struct {
	folder  string
	cpu     *os.File
	signals chan os.Signal
	done    chan struct{}
}

func startProfiler(folder string) (*profiler, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	cpu, err := os.Create(filepath.Join(folder, cpuProfile))
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(fmt.Errorf("profiles: %w", err), cpu.Close())
	}
	p := &profiler{folder: folder, cpu: cpu, signals: make(chan os.Signal, 1), done: make(chan struct{})}
	signal.Notify(p.signals, syscall.SIGUSR1)
	go func() {
		defer close(p.done)
		for range p.signals {
			if err := p.heap(); err != nil {
				fmt.Fprintln(os.Stderr, "heap profile:", err)
			}
		}
	}()
	return p, nil
}

// heap writes the memory file last and in one piece: who asked waits for it.
func (p *profiler) heap() error {
	// Twice, since pools let go only then; and given back to the machine, so that
	// what is resident can be compared.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	file, err := os.Create(filepath.Join(p.folder, heapProfile))
	if err != nil {
		return err
	}
	if err := errors.Join(pprof.Lookup("heap").WriteTo(file, 0), file.Close()); err != nil {
		return err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	content, err := json.Marshal(memoryNow{Heap: m.HeapAlloc, Objects: m.HeapObjects, System: m.Sys})
	if err != nil {
		return err
	}
	whole := filepath.Join(p.folder, memoryFile)
	if err := os.WriteFile(whole+".part", content, 0o600); err != nil {
		return err
	}
	return os.Rename(whole+".part", whole)
}

func (p *profiler) stop() error {
	signal.Stop(p.signals)
	close(p.signals)
	<-p.done
	pprof.StopCPUProfile()
	return p.cpu.Close()
}
