package natscarrier

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"roost/certs"
)

// embedded is the nats-server of this system: core NATS, no cluster, no JetStream, no
// monitoring port, nothing advertised, the listener for lines its only socket.
type embedded struct {
	server   *server.Server
	door     *door
	refusals *refusals
}

// startWithin bounds the start of the server, which takes milliseconds.
const startWithin = 5 * time.Second

func startEmbedded(cfg *Config, count *counters) (*embedded, error) {
	refusals := newRefusals(cfg.Log, count)
	door := newDoor(cfg.System, rand.Text(), &cfg.Limits, refusals)
	door.setPeers(cfg.Peers)
	opts, err := serverOptions(cfg, door)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded server for lines: %w", err)
	}
	door.disconnect = func(id uint64) { _ = s.DisconnectClientByID(id) } // gone already is as good
	log := &serverLog{log: cfg.Log, refusals: refusals, count: count}
	s.SetLoggerV2(log, true, false, false)
	s.Start()
	if err := awaitListening(s, log); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("cannot listen for lines on %s (network.listen): %w", cfg.Listen, err)
	}
	return &embedded{server: s, door: door, refusals: refusals}, nil
}

func awaitListening(s *server.Server, log *serverLog) error {
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline); {
		if err := log.fatalError(); err != nil {
			return err
		}
		if s.ReadyForConnections(20 * time.Millisecond) {
			return nil
		}
	}
	return errNotReady
}

func serverOptions(cfg *Config, door *door) (*server.Options, error) {
	host, port, err := listenAddress(cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &server.Options{
		ServerName:                 cfg.System,
		Host:                       host,
		Port:                       port,
		NoLog:                      true,
		NoSigs:                     true,
		NoSystemAccount:            true,
		Cluster:                    server.ClusterOpts{NoAdvertise: true},
		CustomClientAuthentication: door,
		TLSConfig:                  serverTLS(cfg, door.refusals),
		TLSHandshakeFirst:          true, // a stranger is told nothing before its certificate was seen
		TLSTimeout:                 cfg.Timing.Dial.Seconds(),
		AuthTimeout:                cfg.Timing.Dial.Seconds(),
		MaxConn:                    cfg.Limits.Connections,
		MaxSubs:                    64,
		MaxClosedClients:           16,
		MaxPayload:                 int32(cfg.Limits.MaxPayload), // some hundred KiB
		MaxPending:                 int64(cfg.Limits.PendingBytes),
		WriteDeadline:              cfg.Timing.Write,
		PingInterval:               cfg.Timing.Ping,
		MaxPingsOut:                cfg.Timing.PingsOut,
		// A peer that does not read loses messages, which it can pull; it must not make
		// this system's publishing wait.
		NoFastProducerStall: true,
	}, nil
}

// serverTLS are the settings of package certs for a listener for lines, with a bound on
// handshakes: they are the dearest thing that a stranger can make us do.
func serverTLS(cfg *Config, refusals *refusals) *tls.Config {
	config := cfg.Identity.LineServer(certs.Line{
		Clock:   cfg.Clock,
		Refused: func(remote net.Addr, err error) { refusals.add(remote, "", err.Error()) },
	})
	perConnection := config.GetConfigForClient
	handshakes := newSources(cfg.Limits.HandshakeRate)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !handshakes.allow(hostOf(hello.Conn.RemoteAddr()), time.Now()) {
			refusals.add(hello.Conn.RemoteAddr(), "", errHandshakes.Error())
			return nil, errHandshakes
		}
		return perConnection(hello)
	}
	return config
}

// listenAddress reads "host:port"; no host means every address of either family.
func listenAddress(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("network.listen %q: want host:port or :port: %w", listen, err)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("network.listen %q: want a port from 0 to 65535", listen)
	}
	port = int(number)
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
		if probe, err := net.Listen("tcp", "[::]:0"); err == nil {
			_ = probe.Close()
			host = "::" // both families
		}
	}
	return host, port, nil
}

func (e *embedded) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

func (e *embedded) addr() net.Addr { return e.server.Addr() }

// sessions are the connections of peers that stand now.
func (e *embedded) sessions() []session {
	return e.door.sweep(func(id uint64) bool { return e.server.GetClient(id) != nil })
}

var (
	errNotReady   = errors.New("it did not come up in time")
	errHandshakes = errors.New("too many TLS handshakes from that address within a second")
)
