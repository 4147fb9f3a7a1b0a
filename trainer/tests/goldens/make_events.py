"""Writes events.bin: a TensorBoard event file with fixed times. Needs tensorboard, whose protocol buffers and record writer
are the independent implementation.

pip install tensorboard && python make_events.py
"""

import io
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class File(io.BytesIO):
    def close(self):
        pass


file = File()
writer = RecordWriter(file)


def scalars(**values):
    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


for event in [
    Event(wall_time=1.5, file_version="brain.Event:2"),
    Event(wall_time=2.5, step=301, session_log=SessionLog(status=SessionLog.START)),
    Event(wall_time=3.25, step=301, summary=scalars(**{"train/loss": 0.75})),
    Event(wall_time=4.0, step=70000, summary=scalars(**{"eval/f1": 0.5, "eval/f1/Symptoms": 0.1})),
]:
    writer.write(event.SerializeToString())
writer.flush()
Path(__file__).with_name("events.bin").write_bytes(file.getvalue())
print(len(file.getvalue()), "bytes")
