/**
 * From the words of a command line to an exit code.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { didYouMean } from "../domain/did_you_mean.ts";
import { type Command, parseCommandLine } from "./command.ts";
import { COMMANDS, SERVE } from "./commands.ts";
import { about, commandHelp, programHelp } from "./help.ts";
import { keepPermissions } from "./permissions.ts";
import { chooseColors, print, printError } from "./output.ts";

/** Runs a command line; answers the exit code. */
export async function run(args: string[]): Promise<number> {
  chooseColors();
  try {
    return await dispatch(args);
  } catch (error) {
    return printError(error);
  }
}

async function dispatch(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined && Deno.stdin.isTerminal()) {
    print(about());
    return 0;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    print(rest[0] === undefined ? programHelp() : commandHelp(findCommand(rest[0])));
    return 0;
  }
  if (first === "--version" || first === "-V") return await dispatch(["version", ...rest]);
  const isCommand = first !== undefined && !first.startsWith("-");
  const command = isCommand ? findCommand(first) : SERVE;
  const words = isCommand ? rest : args;
  const end = words.indexOf("--");
  const options = end < 0 ? words : words.slice(0, end);
  if (options.includes("--help") || options.includes("-h")) {
    print(commandHelp(command));
    return 0;
  }
  const line = parseCommandLine(command, words);
  keepPermissions(command.permissions);
  return await command.run(line);
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command) return command;
  const forPeople = COMMANDS.filter((candidate) => candidate.name !== "hook");
  const guess = didYouMean(name, forPeople.map((candidate) => candidate.name));
  throw new CoordinatorError(
    "invalid_argument",
    `There is no command '${name}'${guess && ` (${guess})`}`,
    "`csc --help` lists the commands.",
  );
}
