"use client";

import { Unavailable } from "@/components/unavailable";

/** Shown when a page throws: the reader gets a way on instead of a blank screen. */
export default function ErrorPage() {
  return <Unavailable title="Something went wrong" text="This page could not be shown. Your todos are not affected." />;
}
