package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tiphys.dev/engine/internal/eval"
)

type ended struct {
	item   *int
	reason string
}

func watched(t *testing.T, limit int) (*watchdog, chan ended) {
	t.Helper()
	over := make(chan ended, 100)
	dog := newWatchdog(limit, func(_ int, item *int, reason string) { over <- ended{item, reason} })
	go dog.watch()
	dog.begin(1, time.Now(), 0)
	t.Cleanup(dog.end)
	return dog, over
}

func TestAnItemThatListensIsAskedToEnd(t *testing.T) {
	dog, over := watched(t, 1<<40)
	err := dog.Within(0, 30*time.Millisecond, func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("its own words")
	})
	var limit *eval.OverLimit
	if !errors.As(err, &limit) || limit.Reason != "limit of 30ms" {
		t.Errorf("%v", err)
	}
	if len(over) != 0 {
		t.Error("the process was ended")
	}
	// What is over in time keeps its own answer.
	if err := dog.Within(1, time.Second, func(context.Context) error { return nil }); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAnItemThatDoesNotListenEndsTheProcess(t *testing.T) {
	dog, over := watched(t, 1<<40)
	limit := 10 * time.Millisecond
	_ = dog.Within(7, limit, func(context.Context) error {
		time.Sleep(limit + grace + 100*time.Millisecond)
		return nil
	})
	first := <-over
	if first.item == nil || *first.item != 7 || first.reason != "limit of 10ms" {
		t.Errorf("%+v", first)
	}
}

func TestAnItemIsAskedToEndBeforeAllMemoryIsUsed(t *testing.T) {
	limit := int(float64(memoryInUse()) / (soft + 0.1))
	dog, _ := watched(t, limit)
	held := make([][]byte, 0)
	err := dog.Within(0, 5*time.Second, func(ctx context.Context) error {
		for ctx.Err() == nil {
			held = append(held, make([]byte, 64<<10))
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "MB of memory") {
		t.Errorf("%v after %d", err, len(held))
	}
}
