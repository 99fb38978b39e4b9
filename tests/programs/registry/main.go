// A real OCI registry for the tests: in memory, on loopback, gone with the process that started it.
//
//	tiphys-registry [--user NAME:PASSWORD] [--cert FILE --key FILE]
//	                [--realm URL --service NAME --issuer NAME --jwks FILE]
//
// It prints its address on one line when it listens, and ends when its standard input does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

type options struct {
	user, cert, key                string
	realm, service, issuer, keySet string
}

func main() {
	var given options
	flag.StringVar(&given.user, "user", "", "NAME:PASSWORD that opens the registry")
	flag.StringVar(&given.cert, "cert", "", "certificate to serve with, PEM")
	flag.StringVar(&given.key, "key", "", "its key, PEM")
	flag.StringVar(&given.realm, "realm", "", "where tokens come from")
	flag.StringVar(&given.service, "service", "", "the service that tokens are for")
	flag.StringVar(&given.issuer, "issuer", "", "who tokens are from")
	flag.StringVar(&given.keySet, "jwks", "", "file of the keys that tokens are signed with")
	flag.Parse()
	if err := serve(given); err != nil {
		log.Fatal(err)
	}
}

func serve(given options) error {
	scratch, err := os.MkdirTemp("", "tiphys-registry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	config, err := configured(given, scratch)
	if err != nil {
		return err
	}
	logrus.SetOutput(io.Discard)
	app := handlers.NewApp(context.Background(), config)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: app, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println(listener.Addr())
	if given.cert != "" {
		err = server.ServeTLS(listener, given.cert, given.key)
	} else {
		err = server.Serve(listener)
	}
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

func configured(given options, scratch string) (*configuration.Configuration, error) {
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"inmemory":    configuration.Parameters{},
			"delete":      configuration.Parameters{"enabled": true},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	config.Log.AccessLog.Disabled = true
	config.Catalog.MaxEntries = 1000
	config.HTTP.Secret = "of no use after this process"
	switch {
	case given.user != "":
		file, err := passwords(given.user, scratch)
		if err != nil {
			return nil, err
		}
		config.Auth = configuration.Auth{"htpasswd": {"realm": "tests", "path": file}}
	case given.realm != "":
		config.Auth = configuration.Auth{"token": {
			"realm": given.realm, "service": given.service, "issuer": given.issuer,
			"jwks": given.keySet,
		}}
	}
	return config, nil
}

func passwords(user, folder string) (string, error) {
	name, password, found := strings.Cut(user, ":")
	if !found {
		return "", fmt.Errorf("--user: NAME:PASSWORD expected")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "htpasswd")
	return file, os.WriteFile(file, []byte(name+":"+string(hash)+"\n"), 0o600)
}
