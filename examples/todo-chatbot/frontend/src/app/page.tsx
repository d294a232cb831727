import { redirect } from "next/navigation";
import { Unavailable } from "@/components/unavailable";
import { Workspace } from "@/components/workspace";
import { currentViewer } from "@/lib/server/session";

export const dynamic = "force-dynamic";

export default async function HomePage() {
  const state = await currentViewer();
  if (state.kind === "signed-out") redirect("/sign-in");
  if (state.kind === "unavailable") return <Unavailable />;
  return <Workspace viewer={state.viewer} />;
}
