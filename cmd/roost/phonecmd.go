package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"roost/cmd/roost/lab/phone"
)

// phoneCmd is `roost phone`: one simulated phone towards any registrar, or with
// --fleet many of them under a program's control.
type phoneCmd struct {
	Server []string `arg:"" optional:"" help:"Where to register, best first: ADDRESS[:PORT]. The first is called home, the next backup."`

	Number      string     `short:"n" help:"Number, the user of its address." default:"201"`
	User        string     `help:"User of the digest, the number if empty." placeholder:"NAME"`
	Password    string     `short:"p" help:"Password." env:"ROOST_PHONE_PASSWORD" placeholder:"TEXT"`
	Domain      string     `short:"d" help:"SIP domain." default:"example.test"`
	Profile     string     `help:"Family whose behaviour it has: avaya-j100, yealink, poly, cisco, grandstream-dual, snom." default:"yealink"`
	Transport   string     `short:"t" help:"udp, tcp or tls." enum:"udp,tcp,tls" default:"udp"`
	Address     netip.Addr `help:"Its own IP address, such as 127.0.1.20; chosen if empty." placeholder:"ADDRESS"`
	Returns     string     `help:"How it goes home by itself, instead of as its family does: by-server, at-refresh, probe, poll." placeholder:"HOW"`
	Expires     int        `help:"Seconds of registration to ask for, instead of what its family does." placeholder:"SECONDS"`
	TrustedRoot string     `help:"PEM file with the root that TLS servers are verified against." type:"path" placeholder:"FILE"`
	Speed       float64    `help:"Run the phone's timers so many times faster." default:"1"`

	callFlags
	loadFlags

	Fleet string `help:"Run the phones described in this file (YAML or JSON), or with - in the first line of standard input (JSON). Reports leave as JSON lines, commands come in as JSON lines on standard input; its end ends the phones." placeholder:"FILE|-"`
}

// Help is what `roost phone --help` adds.
func (c *phoneCmd) Help() string {
	return `While it runs it takes words on standard input: busy, idle, deaf, hear, reboot,
unregister, on, block SERVER, unblock SERVER, quit; call NUMBER, answer, reject,
hang-up, hold, resume, transfer NUMBER, join (attended transfer of its two calls),
dial DIGITS, report. With --call it calls once it is registered, and ends with the
call: with status 0 if it was answered and its voice was heard to the end.`
}

// Run runs until quit or a signal.
func (c *phoneCmd) Run(w *world) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.Load != "" {
		return c.load(ctx, w)
	}
	if c.Fleet != "" {
		return c.fleet(ctx)
	}
	setup, err := c.setup()
	if err != nil {
		return err
	}
	began := time.Now()
	reports := make(chan phone.Report, 256)
	fleet, err := phone.Start(ctx, setup, func(r phone.Report) {
		fmt.Printf("%8.2fs  %s %s\n", time.Since(began).Seconds(), r.Phone, r)
		if c.Call != "" {
			select {
			case reports <- r:
			case <-ctx.Done():
			}
		}
	})
	if err != nil {
		return err
	}
	words := make(chan string)
	go readWords(ctx, os.Stdin, words) // ends with the program's standard input
	if c.Call != "" {
		err = c.callOnce(ctx, fleet, words, reports)
		stop() // reports are no longer read
	} else {
		err = c.obey(ctx, fleet, words)
	}
	total := fleet.Stop()
	fmt.Printf("%8.2fs  %d requests, %d retransmissions, %d refreshes, %d refusals, %d without an answer\n",
		time.Since(began).Seconds(), total.Sent, total.Retransmitted, total.Refreshed, total.Refused, total.Unanswered)
	return err
}

// obey carries out what the person types, until quit. A standard input that
// ends leaves the phone running: it may be /dev/null.
func (c *phoneCmd) obey(ctx context.Context, fleet *phone.Fleet, words <-chan string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-words:
			if line == "quit" {
				return nil
			}
			if err := fleet.Do(ctx, typed(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// typed is the command of a line that a person types.
func typed(line string) phone.Command {
	do, object, _ := strings.Cut(line, " ")
	object = strings.TrimSpace(object)
	command := phone.Command{Do: do}
	switch do {
	case "call", "transfer":
		command.To = object
	case "dial":
		command.Digits = object
	default:
		command.Towards = object
	}
	return command
}

func readWords(ctx context.Context, from io.Reader, words chan<- string) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if word := strings.TrimSpace(lines.Text()); word != "" {
			select {
			case words <- word:
			case <-ctx.Done():
				return
			}
		}
	}
}

// setup is the fleet of one that the flags describe.
func (c *phoneCmd) setup() (phone.Setup, error) {
	if len(c.Server) == 0 {
		return phone.Setup{}, errors.New("name a server to register at, such as `roost phone 127.0.0.11:5060`, or --fleet")
	}
	setup := phone.Setup{
		Speed: c.Speed, Domain: c.Domain, TrustedRoot: c.TrustedRoot, Spread: time.Nanosecond,
		Seed: uint64(time.Now().UnixNano()) & 0xffffffff,
		Phones: []phone.Spec{{
			Number: c.Number, User: c.User, Password: c.Password, Profile: c.Profile, Address: c.Address,
			Transport: c.Transport, Returns: phone.How(c.Returns), Expires: c.Expires, Calls: c.habits(),
		}},
	}
	for i, address := range c.Server {
		at, err := serverAddress(address, c.Transport)
		if err != nil {
			return phone.Setup{}, err
		}
		server := phone.Server{UDP: at, TCP: at, TLS: at}
		switch i {
		case 0:
			server.Name = "home"
		case 1:
			server.Name = "backup"
		default:
			server.Name = address
		}
		setup.Servers = append(setup.Servers, server)
	}
	return setup, setup.Check()
}

// serverAddress reads ADDRESS or ADDRESS:PORT with the transport's own port.
func serverAddress(written, transport string) (netip.AddrPort, error) {
	if at, err := netip.ParseAddrPort(written); err == nil {
		return at, nil
	}
	ip, err := netip.ParseAddr(strings.Trim(written, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("server %q: an IP address, or one with a port such as 127.0.0.11:5060 or [::1]:5060", written)
	}
	if transport == "tls" {
		return netip.AddrPortFrom(ip, 5061), nil
	}
	return netip.AddrPortFrom(ip, 5060), nil
}

func (c *phoneCmd) fleet(ctx context.Context) error {
	input := bufio.NewReaderSize(os.Stdin, 64<<10)
	if c.Fleet == "-" {
		line, err := input.ReadString('\n')
		if err != nil {
			return fmt.Errorf("fleet from standard input: %w", err)
		}
		return serveFleet(ctx, strings.NewReader(line), input)
	}
	file, err := os.Open(c.Fleet)
	if err != nil {
		return err
	}
	defer file.Close()
	return serveFleet(ctx, file, input)
}

func serveFleet(ctx context.Context, description, commands io.Reader) error {
	setup, err := phone.ReadSetup(description)
	if err != nil {
		return err
	}
	return phone.Serve(ctx, setup, commands, os.Stdout)
}
