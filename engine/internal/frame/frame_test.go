package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

type header struct {
	Name string `json:"name"`
}

func TestRoundTrip(t *testing.T) {
	var pipe bytes.Buffer
	conn := NewConn(&pipe, &pipe, 100)
	for _, body := range []string{"", "body", "\x00\xff"} {
		if err := conn.Write(header{"n"}, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{"", "body", "\x00\xff"} {
		var got header
		data, err := conn.Read(&got)
		if err != nil || got.Name != "n" || string(data) != body {
			t.Errorf("%q %v %v", data, got, err)
		}
	}
	if _, err := conn.Read(&header{}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestBounds(t *testing.T) {
	for _, prefix := range []string{
		"\xff\xff\xff\xff\x00\x00\x00\x00", "\x00\x00\x00\x02\x00\x00\x00\x65{}",
		"\x00\x00\x00\x05\x00\x00\x00\x00{}", "\x00\x00\x00\x02\x00\x00\x00\x00[[",
	} {
		if _, err := NewConn(bytes.NewBufferString(prefix), io.Discard, 100).Read(&header{}); err == nil {
			t.Errorf("%q was taken", prefix)
		}
	}
}
