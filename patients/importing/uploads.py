"""A file of patients is read in memory: no unencrypted copy of it lies on a disk, not even for a moment."""

import io

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from patients.importing.reading import MOST_BYTES


class InMemory(FileUploadHandler):
    """Keeps a file in memory, and lets go of it as soon as it is too large: what else was chosen still arrives."""

    is_too_big = False

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self.file = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > MOST_BYTES:
            self.is_too_big = True
            raise SkipFile
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        if self.is_too_big:
            return None
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
        )


def only_in_memory(request: HttpRequest) -> InMemory:
    """To be called before anything reads the form. Says afterwards whether the file was too large."""
    watched = InMemory(request)
    request.upload_handlers = [watched]
    return watched
