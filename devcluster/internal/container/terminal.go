package container

import (
	"bufio"
	"bytes"
	"io"
)

// Terminal is the line discipline between a raw terminal at the far end and the
// shell: it echoes, lets a line be corrected, and turns line ends.
type Terminal struct {
	in   *bufio.Reader
	out  io.Writer
	line []byte
}

const (
	controlC  = 0x03
	controlD  = 0x04
	backspace = 0x08
	erase     = 0x7f
)

// NewTerminal puts the discipline on the two streams of a far terminal.
func NewTerminal(in io.Reader, out io.Writer) *Terminal {
	return &Terminal{in: bufio.NewReader(in), out: out}
}

// Write sends output with the line ends that a raw terminal needs.
func (t *Terminal) Write(data []byte) (int, error) {
	if _, err := t.out.Write(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Read gives whole lines.
func (t *Terminal) Read(into []byte) (int, error) {
	if len(t.line) == 0 {
		line, err := t.readLine()
		if err != nil {
			return 0, err
		}
		t.line = line
	}
	n := copy(into, t.line)
	t.line = t.line[n:]
	return n, nil
}

func (t *Terminal) readLine() ([]byte, error) {
	var line []byte
	for {
		key, err := t.in.ReadByte()
		if err != nil {
			return nil, err
		}
		switch key {
		case '\r', '\n':
			_, err = t.out.Write([]byte("\r\n"))
			return append(line, '\n'), err
		case controlC:
			line = nil
			_, err = t.out.Write([]byte("^C\r\n$ "))
		case controlD:
			if len(line) == 0 {
				return nil, io.EOF
			}
		case backspace, erase:
			if len(line) > 0 {
				line = line[:len(line)-1]
				_, err = t.out.Write([]byte("\b \b"))
			}
		default:
			line = append(line, key)
			_, err = t.out.Write([]byte{key})
		}
		if err != nil {
			return nil, err
		}
	}
}
