/* Patient pages, sign-in and errors: no session to guard, no shortcuts. */
import "./shell.js";
import "./confirm-dialog.js";
import "./pills.js";
import "./signature.js";
