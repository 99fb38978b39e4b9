// Package frame is the pipe's language: two big-endian lengths, a JSON header, raw bytes.
package frame

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// MaxHeader bounds one header: a listing of a hundred thousand names fits.
const MaxHeader = 64 << 20

// Conn reads and writes whole frames. Writes are safe for several goroutines, since the
// watchdog has to be able to say why it ends the process.
type Conn struct {
	reader  *bufio.Reader
	mutex   sync.Mutex
	writer  io.Writer
	maxBody uint32
}

// NewConn wraps a pair of pipes.
func NewConn(reader io.Reader, writer io.Writer, maxBody uint32) *Conn {
	return &Conn{reader: bufio.NewReaderSize(reader, 1<<16), writer: writer, maxBody: maxBody}
}

// Read fills the header and returns the body; io.EOF when the other side is gone between frames.
func (c *Conn) Read(header any) ([]byte, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(c.reader, lengths[:]); err != nil {
		return nil, err
	}
	headerLength := binary.BigEndian.Uint32(lengths[:4])
	bodyLength := binary.BigEndian.Uint32(lengths[4:])
	if headerLength > MaxHeader || bodyLength > c.maxBody {
		return nil, fmt.Errorf("frame of %d and %d bytes is over the limit", headerLength, bodyLength)
	}
	data := make([]byte, int(headerLength)+int(bodyLength))
	if _, err := io.ReadFull(c.reader, data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data[:headerLength], header); err != nil {
		return nil, fmt.Errorf("frame header: %w", err)
	}
	return data[headerLength:], nil
}

// Write sends one frame.
func (c *Conn) Write(header any, body []byte) error {
	encoded, err := json.Marshal(header)
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.write(encoded, body)
}

// WriteLast sends one frame and lets no other follow: the process is about to end.
func (c *Conn) WriteLast(header any) {
	encoded, err := json.Marshal(header)
	if err != nil {
		return
	}
	c.mutex.Lock()
	_ = c.write(encoded, nil)
}

func (c *Conn) write(encoded, body []byte) error {
	data := make([]byte, 8, 8+len(encoded))
	binary.BigEndian.PutUint32(data[:4], uint32(len(encoded)))
	binary.BigEndian.PutUint32(data[4:], uint32(len(body)))
	if _, err := c.writer.Write(append(data, encoded...)); err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	_, err := c.writer.Write(body)
	return err
}
