package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// parser reads a module of the table; ../README.md has its grammar.
type parser struct {
	file   string
	tokens []token
	at     int
}

type token struct {
	text string
	line int
}

// tokenize splits at white space and punctuation; # begins a comment.
func tokenize(text string) []token {
	var tokens []token
	for number, line := range strings.Split(text, "\n") {
		for i := 0; i < len(line); {
			c := line[i]
			switch {
			case c == '#':
				i = len(line)
			case unicode.IsSpace(rune(c)):
				i++
			case strings.HasPrefix(line[i:], "..."):
				tokens = append(tokens, token{"...", number + 1})
				i += 3
			case strings.HasPrefix(line[i:], ".."):
				tokens = append(tokens, token{"..", number + 1})
				i += 2
			case c == '"':
				end := i + 1 + strings.IndexByte(line[i+1:], '"')
				tokens = append(tokens, token{line[i : end+1], number + 1})
				i = end + 1
			case strings.IndexByte("{}<>[](),=?", c) >= 0:
				tokens = append(tokens, token{line[i : i+1], number + 1})
				i++
			default:
				end := i
				for end < len(line) && !strings.ContainsRune("{}<>[](),=?\"# \t", rune(line[end])) && !strings.HasPrefix(line[end:], "..") {
					end++
				}
				tokens = append(tokens, token{line[i:end], number + 1})
				i = end
			}
		}
	}
	return tokens
}

type syntaxError struct{ error }

func (p *parser) fail(format string, args ...any) {
	line := 0
	if p.at < len(p.tokens) {
		line = p.tokens[p.at].line
	}
	panic(syntaxError{fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, args...))})
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].text
	}
	return ""
}

func (p *parser) next() string {
	text := p.peek()
	p.at++
	return text
}

func (p *parser) accept(text string) bool {
	if p.peek() == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("want %q, have %q", text, p.peek())
	}
}

// parseModule reads a whole file.
func parseModule(name, file, text string) (m *module, err error) {
	p := &parser{file: file, tokens: tokenize(text)}
	m = &module{name: name, imports: map[string]string{}, types: map[string]*typ{}}
	defer func() {
		if failure, ok := recover().(syntaxError); ok {
			err = failure.error
		}
	}()
	for p.at < len(p.tokens) {
		if p.accept("import") {
			from := p.next()
			p.expect("(")
			for !p.accept(")") {
				m.imports[p.next()] = from
			}
			continue
		}
		typeName := p.next()
		p.expect("=")
		if m.types[typeName] != nil {
			p.fail("%s is there twice", typeName)
		}
		m.types[typeName] = p.parseType()
		m.order = append(m.order, typeName)
	}
	return m, nil
}

var simpleKinds = map[string]kind{
	"null": kNull, "bool": kBool, "int": kInt, "oid": kOID, "octets": kOctets, "bits": kBits,
	"ia5": kChars, "numeric": kChars, "printable": kChars, "general": kGeneral, "bmp": kBMP,
}

func (p *parser) parseType() *typ {
	switch {
	case p.accept("{"):
		return p.parseFields(kSeq, "}")
	case p.accept("<"):
		return p.parseFields(kChoice, ">")
	case p.accept("["):
		t := &typ{kind: kList, elem: p.parseType()}
		p.expect("]")
		p.parseConstraint(t)
		return t
	case p.accept("enum"):
		return p.parseEnum()
	}
	name := p.next()
	k, simple := simpleKinds[name]
	if !simple {
		if name == "" || !unicode.IsUpper(rune(name[0])) {
			p.at--
			p.fail("want a type, have %q", name)
		}
		return &typ{kind: kRef, ref: name}
	}
	t := &typ{kind: k}
	if name == "numeric" {
		t.from = " 0123456789"
	}
	p.parseConstraint(t)
	if p.accept("from") {
		t.from = strings.Trim(p.next(), `"`)
	}
	return t
}

func (p *parser) parseConstraint(t *typ) {
	if !p.accept("(") {
		return
	}
	t.sized = true
	t.lo = p.number()
	t.hi = t.lo
	if p.accept("..") {
		t.hi = t.lo - 1
		if p.peek() != ")" {
			t.hi = p.number()
		}
	}
	if p.accept(",") {
		p.expect("...")
		t.extensible = true
	}
	p.expect(")")
}

func (p *parser) number() int64 {
	n, err := strconv.ParseInt(p.next(), 10, 64)
	if err != nil {
		p.at--
		p.fail("want a number, have %q", p.peek())
	}
	return n
}

func (p *parser) parseEnum() *typ {
	t := &typ{kind: kEnum}
	p.expect("(")
	for !p.accept(")") {
		if p.accept("...") {
			t.extensible = true
			p.expect(")")
			break
		}
		t.names = append(t.names, p.next())
		p.accept(",")
	}
	return t
}

func (p *parser) parseFields(k kind, end string) *typ {
	t := &typ{kind: k, root: -1}
	for !p.accept(end) {
		if p.accept("...") {
			t.extensible = true
			t.root = len(t.fields)
			p.accept(",")
			continue
		}
		f := field{name: p.next(), typ: &typ{kind: kNull}}
		if next := p.peek(); next != "," && next != end {
			f.typ = p.parseType()
		}
		f.optional = p.accept("?")
		t.fields = append(t.fields, f)
		if p.peek() != end {
			p.expect(",")
		}
	}
	if t.root < 0 {
		t.root = len(t.fields)
	}
	return t
}
