package sip

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"roost/registrar"
	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// Request is a request of ours outside of any dialog, REGISTER or OPTIONS to a
// neighbour, MESSAGE. What it is made of must be free of CR and LF.
type Request struct {
	Flow registrar.FlowID
	// Method is not INVITE.
	Method string
	URI    string
	// From is a name-addr without tag, To the same.
	From, FromTag, To string
	CallID            string
	CSeq              uint32
	// ContactUser, where not empty, is the user part of our Contact on this flow.
	ContactUser string
	// Hops is the Max-Forwards, 70 where 0.
	Hops int
	// Header are further lines: Expires, Authorization …
	Header []message.HeaderLine
	// ContentType and Body, where it has one.
	ContentType string
	Body        []byte
}

// Response is what came of a Request.
type Response struct {
	// Status and Reason are of the final response. Where none came they are ours: 408 no
	// answer, 430 the flow is gone, 503 not sent.
	Status int
	Reason string
	// Message is the response, nil where none came.
	Message *message.Message
	// Contact is the URI that stood in the request's Contact.
	Contact string
}

// Request sends a request and waits for its final response, until ctx ends or the
// transaction does (Timer F, 32 s).
func (e *Endpoint) Request(ctx context.Context, r Request) Response {
	path, info, ok := e.pathOf(flow.ID(r.Flow))
	if !ok {
		e.count.add(cDeadFlow)
		return Response{Status: statusFlowFailed, Reason: "flow is gone"}
	}
	branch := newBranch()
	b, contact := e.writeRequest(&r, path, branch)
	type answer struct {
		result
		m *message.Message
	}
	done := make(chan answer, 1)
	e.clients.ask(ctx, flow.ID(r.Flow), info.Transport, r.Method, branch, b, func(r result, m *message.Message) { done <- answer{r, m} })
	got := <-done
	return Response{Status: got.status, Reason: got.why, Message: got.m, Contact: contact}
}

func (e *Endpoint) writeRequest(r *Request, path dialog.Path, branch string) (b []byte, contact string) {
	b = message.AppendRequestLine(make([]byte, 0, 768), r.Method, r.URI)
	b = message.AppendHeader(b, "Via", "SIP/2.0/"+path.Transport+" "+path.Local+";rport;branch="+branch)
	b = message.AppendNumber(b, "Max-Forwards", uint64(cmp.Or(r.Hops, 70)))
	b = message.AppendHeader(b, "From", r.From+";tag="+r.FromTag)
	b = message.AppendHeader(b, "To", r.To)
	b = message.AppendHeader(b, "Call-ID", r.CallID)
	b = message.AppendHeader(b, "CSeq", strconv.FormatUint(uint64(r.CSeq), 10)+" "+r.Method)
	if r.ContactUser != "" {
		contact = "sip:" + string(message.AppendUser(nil, r.ContactUser)) + "@" + path.Local
		if path.Reliable {
			contact += ";transport=" + strings.ToLower(path.Transport)
		}
		b = message.AppendHeader(b, "Contact", "<"+contact+">")
	}
	if e.o.Product != "" {
		b = message.AppendHeader(b, "User-Agent", e.o.Product)
	}
	for _, l := range r.Header {
		b = message.AppendHeader(b, l.Name, l.Value)
	}
	return message.AppendBody(b, r.ContentType, r.Body), contact
}
