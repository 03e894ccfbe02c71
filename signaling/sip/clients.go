package sip

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"

	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// statusFlowFailed is RFC 5626's: the flow that a request was for is gone.
const statusFlowFailed = 430

// result is what came of a request of ours.
type result struct {
	status int // of the final response; 408 if none came, 430 if the flow is gone, 503 if it was not sent
	why    string
}

func (r result) ok() bool { return r.status >= 200 && r.status < 300 }

// clients are the requests of ours that wait for their final response. They are
// found by the branch that we gave them, and only a response from the flow that
// the request went out on counts. A challenge is a refusal like any other here: who
// has credentials, a trunk, answers it by another request.
type clients struct {
	e      *Endpoint
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu     sync.Mutex
	most   int
	open   map[string]*client
	byFlow map[flow.ID]map[*client]struct{}
	shut   bool
}

type client struct {
	tx     *sip.ClientTx
	method string
	flow   flow.ID
	gone   chan struct{}   // closed when the flow is gone
	ctx    context.Context // whoever asked waits no longer
	final  atomic.Pointer[message.Message]
}

func newClients(e *Endpoint, most int) *clients {
	c := &clients{e: e, most: most, open: make(map[string]*client), byFlow: make(map[flow.ID]map[*client]struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// newBranch is a branch that nobody can guess, so that only who got the request
// can answer it.
func newBranch() string { return message.MagicCookie + newToken() }

// newToken is 96 random bits for branches, tags and Call-IDs.
func newToken() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// send writes a request of a method other than INVITE to a flow and calls done
// once, from another goroutine, with the result. The bytes carry the branch in
// their Via.
func (c *clients) send(id flow.ID, t flow.Transport, method, branch string, bytes []byte, done func(result)) {
	c.ask(context.Background(), id, t, method, branch, bytes, func(r result, _ *message.Message) { done(r) })
}

// ask is send until ctx ends, with the final response itself, nil where none came.
func (c *clients) ask(ctx context.Context, id flow.ID, t flow.Transport, method, branch string, bytes []byte, done func(result, *message.Message)) {
	req := sip.NewRequest(sip.RequestMethod(method), sip.Uri{})
	req.SetTransport(t.String())
	conn := &txConn{e: c.e, flow: id}
	conn.build(req, bytes)
	one := &client{tx: sip.NewClientTx(branch, req, conn, noLog), method: method, flow: id, gone: make(chan struct{}), ctx: ctx}
	c.mu.Lock()
	full, shut := len(c.open) >= c.most, c.shut
	if !full && !shut {
		c.add(branch, one)
		c.group.Add(1)
	}
	c.mu.Unlock()
	switch {
	case shut:
		go c.e.guarded("a "+method+" that was not sent panicked", func() { done(result{503, "shutting down"}, nil) })
		return
	case full:
		c.e.count.add(cClientsFull)
		c.e.quiet.warn(cClientsFull).Int("limit", c.most).Msg("too many requests wait for an answer: request not sent")
		go c.e.guarded("a "+method+" that was not sent panicked", func() { done(result{503, "too many requests wait for an answer"}, nil) })
		return
	}
	go func() {
		defer c.group.Done()
		r := c.run(one)
		c.remove(branch, one)
		c.e.guarded("the answer to a "+method+" panicked", func() { done(r, one.final.Load()) })
	}()
}

// add keeps a client; c.mu is held.
func (c *clients) add(branch string, one *client) {
	c.open[branch] = one
	if c.byFlow[one.flow] == nil {
		c.byFlow[one.flow] = make(map[*client]struct{})
	}
	c.byFlow[one.flow][one] = struct{}{}
}

func (c *clients) remove(branch string, one *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, branch)
	delete(c.byFlow[one.flow], one)
	if len(c.byFlow[one.flow]) == 0 {
		delete(c.byFlow, one.flow)
	}
}

// run waits for the final response. It ends the transaction itself: sipgo's
// lives on for 32 s (Timer D where K was meant).
func (c *clients) run(one *client) result {
	defer one.tx.Terminate()
	if err := one.tx.Init(); err != nil {
		if errors.Is(err, flow.ErrGone) {
			return result{statusFlowFailed, "flow is gone"}
		}
		return result{503, "not sent: " + err.Error()}
	}
	for {
		select {
		case res := <-one.tx.Responses():
			if res.StatusCode >= 200 {
				return result{res.StatusCode, res.Reason}
			}
		case <-one.tx.Done():
			if err := one.tx.Err(); errors.Is(err, flow.ErrGone) {
				return result{statusFlowFailed, "flow is gone"}
			}
			return result{408, "no answer"}
		case <-one.gone:
			return result{statusFlowFailed, "flow is gone"}
		case <-c.ctx.Done():
			return result{503, "shutting down"}
		case <-one.ctx.Done():
			return result{408, "no answer"}
		}
	}
}

// response hands a response to the transaction that waits for it, or drops it.
func (w *work) response() {
	c := w.e.clients
	c.mu.Lock()
	one := c.open[w.m.Via.Branch()]
	c.mu.Unlock()
	if one == nil && w.callResponse() {
		return
	}
	if one == nil || one.method != w.m.CSeqMethod || one.flow != w.in.Flow {
		w.e.count.add(cStrayResponse)
		return
	}
	if w.m.Status >= 200 {
		one.final.CompareAndSwap(nil, w.m.Clone())
	}
	one.tx.Receive(sip.NewResponse(w.m.Status, w.m.Reason))
}

// flowClosed ends the requests that wait on a flow that is gone.
func (c *clients) flowClosed(id flow.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.byFlow[id] {
		close(one.gone)
	}
	delete(c.byFlow, id)
}

// stop ends all and waits for their results to be told.
func (c *clients) stop() {
	c.mu.Lock()
	c.shut = true
	c.mu.Unlock()
	c.cancel()
	c.group.Wait()
}

func (c *clients) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
