"""What a browser sends is counted as it arrives."""

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from patients.services.photos import MOST_BYTES


class NoLargerThanAPhoto(FileUploadHandler):
    """Lets go of a file as soon as it is too large, and of nothing else of the form: what was typed still arrives.

    To be put before the others as `request.upload_handlers.insert(0, ...)`; `is_too_big` says afterwards whether it did.
    """

    is_too_big = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > MOST_BYTES:
            self.is_too_big = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
