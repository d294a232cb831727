import Link from "next/link";
import { Logo } from "@/components/logo";
import styles from "@/components/notice.module.css";

export default function NotFound() {
  return (
    <main className={styles.page}>
      <Logo />
      <h1>There is nothing here</h1>
      <p>The address may be old, or it was typed with a slip.</p>
      <Link className="button" href="/">
        To my todos
      </Link>
    </main>
  );
}
