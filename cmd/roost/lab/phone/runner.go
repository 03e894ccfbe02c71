package phone

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// inboxSize bounds what waits for one phone; a full inbox drops datagrams and
// holds back streams, as a slow phone would.
const inboxSize = 64

// runner is one phone on real sockets: the goroutine that owns its Machine.
type runner struct {
	machine *Machine
	spec    Spec
	clock   Clock
	report  func(Report)
	dialer  dialer
	socket  *net.UDPConn
	targets []netip.AddrPort
	links   []link
	blocked []bool
	inbox   chan any
	workers sync.WaitGroup
}

// link is the phone's connection to one server; for UDP it stays empty.
type link struct {
	generation int
	dialling   bool
	conn       net.Conn
	waiting    [][]byte // to be sent once connected
}

// What a runner's helpers put into its inbox, beside Events and commands.
type (
	linkUp struct {
		server, generation int
		conn               net.Conn
	}
	linkLost struct {
		server, generation int
		why                string
	}
	fromServer struct {
		server, generation int
		message            *Message
	}
	setBlocked struct {
		server int
		on     bool
	}
)

// run is the phone's life, until ctx ends.
func (r *runner) run(ctx context.Context, start time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		r.step(ctx, PowerOff{})
		cancel()
		r.socket.Close()
		for i := range r.links {
			r.hangup(i)
		}
		r.workers.Wait()
		r.drainInbox()
	}()
	if r.spec.Transport == "udp" {
		r.workers.Go(func() { r.readUDP(ctx) })
	}
	timer := time.NewTimer(r.clock.Real(start))
	defer timer.Stop()
	switchedOn := false
	for {
		select {
		case <-ctx.Done():
			return
		case item := <-r.inbox:
			r.take(ctx, item)
		case <-timer.C:
			if switchedOn {
				r.step(ctx, Tick{})
			} else {
				switchedOn = true
				r.step(ctx, PowerOn{})
			}
		}
		if switchedOn {
			if next, ok := r.machine.Next(); ok {
				timer.Reset(r.clock.Until(next))
			}
		}
	}
}

// drainInbox closes connections that were made too late.
func (r *runner) drainInbox() {
	for {
		select {
		case item := <-r.inbox:
			if up, ok := item.(linkUp); ok {
				up.conn.Close()
			}
		default:
			return
		}
	}
}

func (r *runner) take(ctx context.Context, item any) {
	switch item := item.(type) {
	case Event:
		r.step(ctx, item)
	case setBlocked:
		r.block(ctx, item)
	case fromServer:
		current := r.spec.Transport == "udp" || r.links[item.server].generation == item.generation
		if current && !r.blocked[item.server] {
			r.step(ctx, Received{item.server, item.message})
		}
	case linkUp:
		r.connected(ctx, item)
	case linkLost:
		if r.links[item.server].generation == item.generation && !r.blocked[item.server] {
			r.hangup(item.server)
			r.step(ctx, LinkDown{item.server, item.why})
		}
	}
}

// step lets the machine take one event and does what it says.
func (r *runner) step(ctx context.Context, event Event) {
	var failed []LinkDown
	for _, effect := range r.machine.Step(event, r.clock.Now()) {
		switch effect := effect.(type) {
		case Send:
			if err := r.send(ctx, effect); err != nil {
				failed = append(failed, LinkDown{effect.Server, err.Error()})
			}
		case Hangup:
			r.hangup(effect.Server)
		case Report:
			effect.At = r.clock.Elapsed().Seconds()
			r.report(effect)
		}
	}
	for _, down := range failed {
		r.hangup(down.Server)
		r.step(ctx, down)
	}
}

// block cuts the phone off from a server, or lets it through again. Connections
// do not survive it.
func (r *runner) block(ctx context.Context, item setBlocked) {
	r.blocked[item.server] = item.on
	if !item.on && r.links[item.server].conn != nil {
		r.hangup(item.server)
		r.step(ctx, LinkDown{item.server, "connection timed out"})
	}
}

var errFull = errors.New("too much waits for the connection")

func (r *runner) send(ctx context.Context, what Send) error {
	if r.blocked[what.Server] {
		return nil
	}
	if r.spec.Transport == "udp" {
		// A refused port (ICMP) shows here or at the next read; a phone waits
		// for its timers all the same.
		_, _ = r.socket.WriteToUDPAddrPort(what.Data, r.targets[what.Server])
		return nil
	}
	link := &r.links[what.Server]
	if link.conn != nil {
		if err := link.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		_, err := link.conn.Write(what.Data)
		return err
	}
	if len(link.waiting) >= 16 {
		return errFull
	}
	link.waiting = append(link.waiting, what.Data)
	if !link.dialling {
		link.dialling = true
		link.generation++
		server, generation := what.Server, link.generation
		r.workers.Go(func() { r.dial(ctx, server, generation) })
	}
	return nil
}

// dial connects and then reads until the connection ends.
func (r *runner) dial(ctx context.Context, server, generation int) {
	conn, err := r.dialer.dial(ctx, r.spec, r.targets[server])
	if err != nil {
		r.put(ctx, linkLost{server, generation, brief(err)})
		return
	}
	if !r.put(ctx, linkUp{server, generation, conn}) {
		conn.Close()
		return
	}
	err = eachMessage(conn, func(message *Message) bool {
		return r.put(ctx, fromServer{server, generation, message})
	})
	r.put(ctx, linkLost{server, generation, brief(err)})
}

func (r *runner) connected(ctx context.Context, up linkUp) {
	link := &r.links[up.server]
	if link.generation != up.generation || r.blocked[up.server] {
		up.conn.Close()
		return
	}
	link.conn, link.dialling = up.conn, false
	waiting := link.waiting
	link.waiting = nil
	for _, data := range waiting {
		if err := r.send(ctx, Send{up.server, data}); err != nil {
			r.hangup(up.server)
			r.step(ctx, LinkDown{up.server, err.Error()})
			return
		}
	}
}

// hangup ends a connection and makes whatever still comes from it stale.
func (r *runner) hangup(server int) {
	old := r.links[server]
	if old.conn != nil {
		old.conn.Close()
	}
	r.links[server] = link{generation: old.generation + 1}
}

// put hands an item to the phone's goroutine; false if it has ended.
func (r *runner) put(ctx context.Context, item any) bool {
	select {
	case r.inbox <- item:
		return true
	case <-ctx.Done():
		return false
	}
}

// readUDP hands over what comes from one of the servers.
func (r *runner) readUDP(ctx context.Context) {
	buffer := make([]byte, maxMessage)
	for ctx.Err() == nil {
		n, from, err := r.socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // ICMP port unreachable
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		for server, target := range r.targets {
			if target != from {
				continue
			}
			message, err := Parse(append([]byte(nil), buffer[:n]...))
			if err == nil {
				r.put(ctx, fromServer{server: server, message: message})
			}
			break
		}
	}
}
