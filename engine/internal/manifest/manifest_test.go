package manifest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tiphys.dev/engine/internal/fault"
)

func TestHasMark(t *testing.T) {
	for text, want := range map[string]bool{
		"a: &x 1": true, "&x 1": true, "[&x 1]": true, "- &x": true,
		"a & b": false, "a&b": false, "": false, "&": false, "x: R&D &": false,
	} {
		if got := hasMark([]byte(text), '&'); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestGuardMeasuresTextToo(t *testing.T) {
	long := "a: &a " + strings.Repeat("x", MaxExpanded/100) + "\n"
	few, many := strings.Repeat("- *a\n", 50), strings.Repeat("- *a\n", 200)
	if err := Guard([]byte(long + "b:\n" + few)); err != nil {
		t.Error(err)
	}
	if err := Guard([]byte(long + "b:\n" + many)); fault.CodeOf(err) != fault.Limit {
		t.Error(err)
	}
}

func TestGuardCountsAllDocuments(t *testing.T) {
	one := "a: &a " + strings.Repeat("x", MaxExpanded/100) + "\nb: [" + strings.Repeat("*a, ", 60) + "]\n"
	if err := Guard([]byte(one)); err != nil {
		t.Error(err)
	}
	if err := Guard([]byte(one + "---\n" + one)); fault.CodeOf(err) != fault.Limit {
		t.Error(err)
	}
}

func TestGuardDepthPassesOverStrings(t *testing.T) {
	nested := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	inText := `"` + strings.Repeat(`\"[{`, MaxDepth) + `"`
	if guardDepth(json.RawMessage(nested)) != nil || guardDepth(json.RawMessage(inText)) != nil {
		t.Error("refused")
	}
	if guardDepth(json.RawMessage("["+nested+"]")) == nil {
		t.Error("taken")
	}
}

func TestObjectsBeforeAnError(t *testing.T) {
	found, err := Objects([]byte("kind: A\n---\nkind: B\n---\nno: kind\n---\nkind: C\n"))
	if len(found) != 2 || !errors.Is(err, ErrNoKind) {
		t.Error(len(found), err)
	}
	if found, err := Objects([]byte("- kind: A\n")); len(found) != 0 || !errors.Is(err, ErrNoObject) {
		t.Error(len(found), err)
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	found, err := Objects([]byte("kind: A\nspec: {big: 12345678901234567, items: [1.10]}\n"))
	if err != nil || !strings.Contains(string(found[0]), `"big":12345678901234567`) {
		t.Error(string(found[0]), err)
	}
}
