package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"path/filepath"

	"golang.org/x/net/ipv4"
)

// floorWord is the argument with which this program is the bare responder.
const floorWord = "floor-responder"

// serveFloor answers REGISTERs on an address without looking at what they say:
// 401 where there are no credentials, else 200, from the request's own lines. No
// server that reads its messages can be faster.
// folder holds its certificate.
func serveFloor(address, folder string) error {
	pc, err := net.ListenPacket("udp", net.JoinHostPort(address, "5060"))
	if err != nil {
		return err
	}
	_ = pc.(*net.UDPConn).SetReadBuffer(8 << 20) // as much as the system gives
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "5060"))
	if err != nil {
		return err
	}
	identity, err := tls.LoadX509KeyPair(filepath.Join(folder, "floor.crt"), filepath.Join(folder, "floor.key"))
	if err != nil {
		return err
	}
	secure, err := tls.Listen("tcp", net.JoinHostPort(address, "5061"),
		&tls.Config{Certificates: []tls.Certificate{identity}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	go floorStreams(listener)
	go floorStreams(secure)
	return floorUDP(ipv4.NewPacketConn(pc))
}

const floorBatch = 32

func floorUDP(pc *ipv4.PacketConn) error {
	in, out := make([]ipv4.Message, floorBatch), make([]ipv4.Message, floorBatch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 4<<10)}
		out[i].Buffers = [][]byte{make([]byte, 0, 2<<10)}
	}
	for {
		n, err := pc.ReadBatch(in, 0)
		if err != nil {
			return err
		}
		for i := range n {
			out[i].Buffers[0] = appendFloor(out[i].Buffers[0][:0], in[i].Buffers[0][:in[i].N])
			out[i].Addr = in[i].Addr
		}
		for sent := 0; sent < n; {
			written, err := pc.WriteBatch(out[sent:n], 0)
			if err != nil {
				return err
			}
			sent += written
		}
	}
}

func floorStreams(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go floorStream(conn)
	}
}

func floorStream(conn net.Conn) {
	defer conn.Close()
	buf, used, out := make([]byte, 8<<10), 0, make([]byte, 0, 2<<10)
	for {
		n, err := conn.Read(buf[used:])
		if err != nil {
			return
		}
		used += n
		for out = out[:0]; ; {
			end := bytes.Index(buf[:used], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			out = appendFloor(out, buf[:end+4])
			used = copy(buf, buf[end+4:used])
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// appendFloor appends the answer to a request of the generator.
func appendFloor(b, request []byte) []byte {
	const challenge = "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"" + domain +
		"\", nonce=\"0123456789abcdef0123456789abcdef\", algorithm=MD5, qop=\"auth\"\r\n"
	status := len(b)
	b = append(b, "SIP/2.0 200 OK\r\n"...)
	authorized := false
	for line := range bytes.Lines(request) {
		switch {
		case bytes.HasPrefix(line, []byte("Via:")), bytes.HasPrefix(line, []byte("From:")),
			bytes.HasPrefix(line, []byte("Call-ID:")), bytes.HasPrefix(line, []byte("CSeq:")):
			b = append(b, line...)
		case bytes.HasPrefix(line, []byte("To:")):
			b = append(append(b, line[:len(line)-2]...), ";tag=floor\r\n"...)
		case bytes.HasPrefix(line, []byte("Contact:")):
			b = append(append(b, line[:len(line)-2]...), ";expires=180\r\n"...)
		case bytes.HasPrefix(line, []byte("Authorization:")):
			authorized = true
		}
	}
	b = append(b, "Content-Length: 0\r\n\r\n"...)
	if !authorized {
		rest := append([]byte(nil), b[status+len("SIP/2.0 200 OK\r\n"):]...)
		b = append(append(b[:status], challenge...), rest...)
	}
	return b
}
