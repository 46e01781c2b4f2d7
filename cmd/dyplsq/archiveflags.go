package main

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/archive"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// archiveFlag says where recordings are kept.
type archiveFlag struct {
	Archive string `env:"DYPLSQ_ARCHIVE" help:"Where recordings are kept: file:///directory, oss://bucket/prefix?region=REGION or s3://bucket/prefix?endpoint=URL&region=REGION; none are fetched unless set." placeholder:"URL"`
}

// archiveFlags say how recordings get there.
type archiveFlags struct {
	archiveFlag

	ArchiveParallel    int           `default:"4" env:"DYPLSQ_ARCHIVE_PARALLEL" help:"Recordings that are fetched at once (${default})." placeholder:"N"`
	ArchiveBandwidth   int           `default:"0" env:"DYPLSQ_ARCHIVE_BANDWIDTH" help:"Bytes of recordings that come in a second at most, of all together; 0 for no bound (${default})." placeholder:"BYTES"`
	ArchiveSpool       string        `env:"DYPLSQ_ARCHIVE_SPOOL" help:"Directory of temporary files, one for each recording that is being fetched; the system's otherwise." placeholder:"DIRECTORY"`
	ArchiveRetry       time.Duration `default:"1m" env:"DYPLSQ_ARCHIVE_RETRY" help:"Pause before a recording that failed is tried again (${default}); then 5, 15 and 60 times as long." placeholder:"DURATION"`
	ArchiveLate        time.Duration `default:"24h" env:"DYPLSQ_ARCHIVE_LATE" help:"How long after its call a recording that is not kept is late (${default}). What the API says not to have is tried until then." placeholder:"DURATION"`
	AskRecordings      string        `default:"recorded" enum:"announced,recorded,answered" env:"DYPLSQ_ASK_RECORDINGS" help:"Which recordings are asked for that no SecretRecording has announced (${default}): announced for those with a link in SecretReport alone; recorded also for answered calls whose binding was asked to record, or is unknown; answered for every answered call."`
	RecordingAfter     time.Duration `default:"15m" env:"DYPLSQ_RECORDING_AFTER" help:"How long after its call a recording is asked for that no SecretRecording has announced (${default})." placeholder:"DURATION"`
	RecordingRetention time.Duration `default:"720h" env:"DYPLSQ_RECORDING_RETENTION" help:"How long after its call a recording is asked for (${default})." placeholder:"DURATION"`
}

// recordings is what keeps them.
type recordings struct {
	keeper *archive.Keeper
	queue  *tasks.Queue
}

func (r *recordings) close() {
	if r != nil {
		_ = r.queue.Close()
	}
}

// asked says which recordings the store expects: where nobody keeps them,
// no more than are announced.
func (f archiveFlags) asked() calls.AskRecordings {
	if f.Archive == "" {
		return calls.AskAnnounced
	}
	return calls.AskRecordings(f.AskRecordings)
}

// recordings returns what keeps recordings, nil where they are not.
func (f archiveFlags) recordings(
	flags redisFlags,
	store *calls.Store,
	m *metrics.Receipts,
	spans trace.TracerProvider,
	log zerolog.Logger,
) (*recordings, error) {
	kept, err := f.open()
	if err != nil || kept == nil {
		return nil, err
	}
	queue, err := flags.queue(
		tasks.Config{RecordingRetention: f.RecordingRetention, TracerProvider: spans},
	)
	if err != nil {
		return nil, err
	}
	keeper, err := archive.New(archive.Config{
		Calls:     store,
		Queue:     queue,
		Store:     kept,
		Parallel:  f.ArchiveParallel,
		Bandwidth: f.ArchiveBandwidth,
		Spool:     f.ArchiveSpool,
		Retry:     f.ArchiveRetry,
		LateAfter: f.ArchiveLate,
		Retention: f.RecordingRetention,
		Logger:    log,
		Trace: archive.Trace{
			Done: func(e archive.End) { m.RecordingDone(string(e.Result), e.Bytes, e.Lag) },
		},
		TracerProvider: spans,
	})
	if err != nil {
		return nil, errors.Join(usage(err.Error()), queue.Close())
	}
	log.Info().Str("archive", kept.Location("")).Msg("keeping recordings")
	return &recordings{keeper, queue}, nil
}

// recordingResults are what may come of a recording.
func recordingResults() (names []string) {
	for _, result := range archive.Results() {
		names = append(names, string(result))
	}
	return names
}

// open opens the store; nil where none is named.
//
//nolint:ireturn // nil is none
func (f archiveFlag) open() (archive.Store, error) {
	if f.Archive == "" {
		return nil, nil //nolint:nilnil // no archive, no error
	}
	store, err := archive.Open(f.Archive)
	if err != nil {
		return nil, usage("--archive: " + err.Error())
	}
	return store, nil
}

// probe looks at the store without writing, for doctor; nil where there is none.
func (f archiveFlag) probe() func(context.Context) (string, error) {
	if f.Archive == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		store, err := archive.Open(f.Archive)
		if err != nil {
			return "", err
		}
		return store.Location(""), store.Probe(ctx)
	}
}

// missing counts the recordings that are not kept.
func missing(
	store *calls.Store,
) func(context.Context) (tried, lost int64, oldest time.Time, err error) {
	return func(ctx context.Context) (tried, lost int64, oldest time.Time, err error) {
		m, err := store.MissingRecordings(ctx)
		return m.Tried, m.Lost, m.Oldest, err
	}
}
