/* Everything a signed-in page may carry. Each module looks for its own data attributes and does nothing without them. */
import "./shell.js";
import "./keys.js";
import "./confirm-dialog.js";
import "./pills.js";
import "./popover.js";
import "./idle.js";
import "./htmx-glue.js";
import "./autosave.js";
import "./signature.js";
import "./numbing.js";
import "./ruler.js";
import "./score.js";
import "./print.js";
import "./copy.js";
import "./calendar.js";
