/** "system" follows the device; the other two override it. */
export type Theme = "system" | "light" | "dark";

export const THEME_KEY = "todo-chatbot-theme";

/** Runs before the first paint, so that a chosen theme does not flash. */
export const THEME_SCRIPT = `try{var t=localStorage.getItem("${THEME_KEY}");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch(e){}`;
