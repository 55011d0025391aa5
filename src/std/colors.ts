import * as untyped from "@std/fmt/colors";

type Paint = (text: string) => string;

/** The few colours that the command line uses; plain text under `NO_COLOR`. */
export const { bold, dim, green, red } = untyped as Record<
  "bold" | "dim" | "green" | "red",
  Paint
>;

/** Switches colours on or off for the whole process. */
export const setColorEnabled: (enabled: boolean) => void = untyped.setColorEnabled;
